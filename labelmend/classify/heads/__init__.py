"""The kinds of classifiers, one file a head; the entry points `labelmend.classifiers` name them."""
