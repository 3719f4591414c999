"""The words of texts: their stems, and stems and pairs of them, weighed."""

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import csr_matrix

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_APOSTROPHES = str.maketrans("\u2019\u02bc`", "'''")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003134f]+"
)
"""Runs of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana and Han."""

_LETTERS = {
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Latin": re.compile("[a-z\u00df-\u024f]"),
    "Arabic": re.compile("[\u0600-\u06ff]"),
    "Armenian": re.compile("[\u0560-\u0589]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Tamil": re.compile("[\u0b80-\u0bff]"),
}
"""Small letters of scripts, in the order in which a word of several is looked at."""

_STEMMERS = {
    "Cyrillic": {"": "russian", "sr": "serbian"},
    "Latin": {
        "": "english",
        "ca": "catalan",
        "cs": "czech",
        "da": "danish",
        "de": "german",
        "eo": "esperanto",
        "es": "spanish",
        "et": "estonian",
        "eu": "basque",
        "fi": "finnish",
        "fr": "french",
        "ga": "irish",
        "hu": "hungarian",
        "id": "indonesian",
        "it": "italian",
        "lt": "lithuanian",
        "nl": "dutch",
        "no": "norwegian",
        "pl": "polish",
        "pt": "portuguese",
        "ro": "romanian",
        "sr": "serbian",
        "sv": "swedish",
        "tr": "turkish",
    },
    "Arabic": {"": "arabic", "fa": "persian"},
    "Armenian": {"": "armenian"},
    "Devanagari": {"": "hindi", "ne": "nepali"},
    "Greek": {"": "greek"},
    "Hebrew": {"yi": "yiddish"},
    "Tamil": {"": "tamil"},
}
"""Snowball's stemmers by script and language: the first is for tables in other languages."""

_MOST_WORDS = 20_000
"""Words and word pairs that the lexical classifier knows, the most frequent ones."""


def tokenise(text: str, language: str | None = None) -> list[str]:
    """Return the stems of a text's words and numbers, in order.

    Case, width and the kind of apostrophe make no difference. A possessive 's falls off and other
    apostrophes close up, since people type "dont" as often as "don't". Stems are Snowball's: those
    of the table's language for words in its script, and of the most frequent language for words in
    another script, such as English names among Russian words. Where words are not spaced, each two
    neighbouring characters are a word, as is usual in retrieval for Chinese and Japanese (McNamee &
    Mayfield 2004).

    Args:
        text: of the table, or of a card.
        language: of the table, as an ISO 639 code; None where it is not known.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    known = language or ""
    return [part for word in _WORD.findall(folded) for part in _parts(word, known)]


def _parts(word: str, language: str) -> list[str]:
    """Return the stem of a spaced word, or the character pairs of words without spaces."""
    if word.isascii() or not _UNSPACED.search(word):
        return [_stem(word.removesuffix("'s").replace("'", ""), language)]
    found: list[str] = []
    start = 0
    for run in _UNSPACED.finditer(word):
        found += _parts(word[start : run.start()], language) if run.start() > start else []
        pairs = [a + b for a, b in itertools.pairwise(run[0])]
        found += pairs or [run[0]]
        start = run.end()
    return found + (_parts(word[start:], language) if start < len(word) else [])


@functools.lru_cache(maxsize=1 << 17)
def _stem(word: str, language: str) -> str:
    for script, letters in _LETTERS.items():
        if letters.search(word):
            stemmers = _STEMMERS[script]
            name = stemmers.get(language) or stemmers.get("")
            return _stemmer(name)(word) if name else word
    return word


@functools.cache
def _stemmer(name: str) -> Callable[[str], str]:
    import snowballstemmer

    stem: Callable[[str], str] = snowballstemmer.stemmer(name).stemWord
    return stem


def word_features(texts: Sequence[str], language: str | None = None) -> csr_matrix:
    """Return sparse TF-IDF [u, w] of stems and pairs of stems that stand in two texts or more.

    No label is seen, so this may be fitted on all texts. These are the numbers of scikit-learn's
    `TfidfVectorizer(sublinear_tf=True)`, which counts text by text and so takes longer.

    Args:
        texts: [u].
        language: of the texts; see `tokenise`.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = _counted([tokenise(text, language) for text in texts], 2 if len(texts) > 1 else 1)
    if not counts.shape[1]:  # no word stands in two texts
        return csr_matrix((len(texts), 1), dtype=np.float64)
    return csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(counts))


def _counted(tokens: Sequence[Sequence[str]], least: int) -> csr_matrix:
    """Return float64 [u, w], how often words and pairs of neighbouring words stand in texts.

    The columns are the most frequent terms of those that stand in `least` texts, in the order of
    their letters.
    """
    number: dict[str, int] = {}
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    starts = np.append(0, np.cumsum(lengths))
    words = np.fromiter(
        (number.setdefault(word, len(number)) for text in tokens for word in text),
        np.int64,
        starts[-1],
    )
    text_of = np.repeat(np.arange(len(tokens)), lengths)
    # All words but a text's last begin a pair, which is numbered behind the words.
    first = np.flatnonzero(text_of[:-1] == text_of[1:])
    pairs = (1 + words[first]) * len(number) + words[first + 1]
    # Text by text, its words and then its pairs: in this order scikit-learn adds up a row.
    stream = np.empty(len(words) + len(pairs), dtype=np.int64)
    rows = np.empty_like(stream)
    before = np.searchsorted(first, starts[:-1])
    for values, texts, places in (
        (words, text_of, np.arange(len(words)) + before[text_of]),
        (pairs, text_of[first], np.arange(len(pairs)) + starts[1:][text_of[first]]),
    ):
        stream[places], rows[places] = values, texts
    terms, seen, of_term = np.unique(stream, return_index=True, return_inverse=True)
    order = np.argsort(seen)
    place = np.empty_like(order)
    place[order], terms = np.arange(len(terms)), terms[order]
    shape = (len(tokens), len(terms))
    # Of a term that stands in a text twice, the two are added up.
    counts = csr_matrix((np.ones(len(rows)), (rows, place[of_term])), shape=shape)
    enough = np.flatnonzero(np.bincount(counts.indices, minlength=len(terms)) >= least)
    spelled = list(number)
    one, other = divmod(terms[enough], max(len(number), 1))
    names = [
        f"{spelled[a - 1]} {spelled[b]}" if a else spelled[b]
        for a, b in zip(one.tolist(), other.tolist(), strict=True)
    ]
    by_name = enough[sorted(range(len(names)), key=names.__getitem__)]
    if len(by_name) > _MOST_WORDS:
        times = np.asarray(counts.sum(axis=0)).ravel()[by_name]
        by_name = by_name[np.sort((-times).argsort()[:_MOST_WORDS])]
    return csr_matrix(counts[:, by_name])
