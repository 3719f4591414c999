"""What is said to people in their own language: sentences, plurals, numbers.

English stands in the source, and other languages in catalogues of gettext, `ru.po`, which look a
sentence up by its English. `tools/voice.py` gathers the sentences and compiles the catalogues.
"""
