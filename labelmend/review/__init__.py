"""The page on which people answer: a local web server, and all that it shows.

The front end (`web/` in the repository, built into `static/`) is a server-rendered shell and some
thousand lines of TypeScript without a framework. The page shows one row at a time and replaces it
whole, so there is next to no state for a framework to keep in step with the document; what there is
stays readable by whoever knows the browser, nothing has to be kept up to date but the bundler, and
a key is answered without a layer between. esbuild makes one script and one style sheet of it, the
same bytes each time, which are committed: whoever installs labelmend needs no node.
"""
