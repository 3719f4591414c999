"""Embeddings on disk by model and text hash, so that a second run starts at once.

One SQLite file holds the vectors of one model under one set of settings, each under the hash of the
text as the model reads it. The texts themselves are never stored.

A text's vector is computed once. Batches are padded to their longest text, so the last bits of a
vector can depend on its company, and with it on what was missing; what the file holds is taken as
it is, so every later run, and every process beside this one, gets the bits of the first.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelmend.configs.schema import EncoderConfig
from labelmend.protocols import Encoder
from labelmend.retrieval.encode import load_encoder
from labelmend.retrieval.encoders.cache_keys import Lookup, cache_file, key_of
from labelmend.retrieval.encoders.vector_file import (
    FAILURES,
    NOT_THE_FILES_FAULT,
    VectorFile,
    primary_code,
)
from labelmend.retrieval.encoders.windows import Windows
from labelmend.types import Floats
from labelmend.voice.speak import note
from labelmend.weights.locate import LocatedModel

_BLOCK = 1024
"""Texts looked up, encoded and committed at a time; no vector depends on it."""


class CachedEncoder:
    """An encoder that computes only the vectors that its file does not hold.

    The model is loaded when the first of them is asked for, so a run whose texts are all known
    loads none. A file that can't be used never fails a run: the model then works alone.

    Attributes:
        note: one line on why vectors are not kept, for the user; None while they are.
    """

    def __init__(
        self,
        load: Callable[[], Encoder],
        path: Path,
        *,
        query_prefix: str,
        max_bytes: float,
        windows: Windows | None = None,
    ) -> None:
        """Open or make the file.

        Args:
            load: loads the model; its errors come up when the first vector is computed.
            path: of the file; its folder is the cache, where other databases may be deleted.
            query_prefix: what the model reads before row texts.
            max_bytes: of the folder. The databases that were not used for longest are deleted to
                stay below; this one never is: once it is full, new vectors are not kept.
            windows: in which the model reads long texts; None where it cuts them.
        """
        self.note: str | None = None
        self._load = load
        self._model: Encoder | None = None
        self._query_prefix = query_prefix
        self._windows = windows
        self._file: VectorFile | None = VectorFile(path, max_bytes)
        self._keeps = True
        self._read([])  # so that the caller can show the note before the work

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, read after the prefix.

        Raises:
            ModelError: some are missing, and the model can't load.
        """
        return self._vectors(texts, self._query_prefix, lambda part: self._loaded().encode(part))

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of texts read as they are.

        Raises:
            ModelError: some are missing, and the model can't load.
        """
        return self._vectors(texts, "", lambda part: self._loaded().encode_passages(part))

    def compute(self, texts: Sequence[str]) -> Floats:
        """Return float32 [len(texts), d], unit vectors of row texts, whatever the file knows.

        Raises:
            ModelError: the model can't load.
        """
        return self._loaded().encode(texts)

    def look_up(self, texts: Sequence[str]) -> Lookup:
        """Return what the file knows of row texts, each once and sorted."""
        return self._look_up(sorted(set(texts)), self._query_prefix)

    def complete(self, found: Lookup, computed: Floats | None, texts: Sequence[str]) -> Floats:
        """Store what was missing, and return float32 [len(texts), d], all vectors.

        Args:
            found: by `look_up`.
            computed: float32 [m, d], what `compute` says of the missing texts; None where none is.
            texts: those that were looked up, in their order.
        """
        vectors = self._complete(found, computed, self.compute)
        place = {text: at for at, text in enumerate(found.texts)}
        every: Floats = vectors[[place[text] for text in texts]]
        return every

    def _loaded(self) -> Encoder:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _vectors(
        self, texts: Sequence[str], prefix: str, run: Callable[[list[str]], Floats]
    ) -> Floats:
        """Fill the result block by block, the distinct texts sorted.

        What shares a block depends neither on the order of texts nor on what is known, so a run
        that was killed goes on with the very blocks that it would have had.
        """
        if not texts:
            _, none = self._read([])
            return none if none.shape[1] else run([])
        order = np.array(sorted(range(len(texts)), key=texts.__getitem__))
        is_first = np.array(
            [i == 0 or texts[order[i - 1]] != texts[at] for i, at in enumerate(order)]
        )
        distinct = np.cumsum(is_first) - 1
        found: Floats | None = None
        for start in range(0, int(distinct[-1]) + 1, _BLOCK):
            first, end = np.searchsorted(distinct, [start, start + _BLOCK])
            places = order[first:end]
            part = [texts[at] for at in places[is_first[first:end]]]
            vectors = self._block(part, prefix, run)
            if found is None:
                found = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
            found[places] = vectors[distinct[first:end] - start]
        assert found is not None
        return found

    def _block(self, texts: list[str], prefix: str, run: Callable[[list[str]], Floats]) -> Floats:
        """Return float32 [len(texts), d] of distinct texts."""
        found = self._look_up(texts, prefix)
        missing = found.missing
        return self._complete(found, run(missing) if missing else None, run)

    def _look_up(self, texts: list[str], prefix: str) -> Lookup:
        keys = []
        if self._file is not None:
            keys = [key_of(prefix, text, self._windows) for text in texts]
        is_known, vectors = self._read(keys)
        if self._file is None:  # it may have failed just now
            return Lookup(texts, [], np.zeros(len(texts), dtype=bool), vectors)
        return Lookup(texts, keys, is_known, vectors)

    def _complete(
        self, found: Lookup, computed: Floats | None, run: Callable[[list[str]], Floats]
    ) -> Floats:
        """Return float32 [len(texts), d], of which the computed ones are stored."""
        texts, keys, is_known, vectors = found.texts, found.keys, found.is_known, found.vectors
        if computed is None:
            return vectors
        if not keys:
            return computed
        missing = np.flatnonzero(~is_known)
        if computed.shape[1] != vectors.shape[1]:
            # The file does not say how long vectors are, for it is new, or it says a wrong thing.
            if is_known.any():
                missing, computed = np.arange(len(texts)), run(texts)
            vectors = np.empty((len(texts), computed.shape[1]), dtype=np.float32)
        vectors[missing] = self._keep([keys[i] for i in missing], computed)
        return vectors

    def _read(self, keys: list[bytes]) -> tuple[npt.NDArray[np.bool_], Floats]:
        if self._file is not None:
            try:
                return self._file.read(keys)
            except FAILURES as error:
                self._go_without(self._file.path, error)
        return np.zeros(len(keys), dtype=bool), np.empty((len(keys), 0), dtype=np.float32)

    def _keep(self, keys: list[bytes], vectors: Floats) -> Floats:
        """Store vectors; return them as they now stand in the file."""
        if self._file is None or not self._keeps:
            return vectors
        try:
            if self._file.has_room(vectors):
                return self._file.settle(keys, vectors)
        except FAILURES as error:
            self._go_without(self._file.path, error)
            return vectors
        self._keeps = False
        self.note = note(
            "{path}: the embedding cache is full, new embeddings are not kept; raise cache_gib of "
            "the encoders, or delete the file",
            path=self._file.path,
        )
        return vectors

    def _go_without(self, path: Path, error: Exception) -> None:
        self._file = None
        advice = "delete the file"
        if isinstance(error, OSError) or primary_code(error) in NOT_THE_FILES_FAULT:
            advice = "free some space, or set LABELMEND_HOME to another folder"
        said = " ".join(str(getattr(error, "strerror", None) or error).split())
        self.note = note(
            "{path}: embeddings are not cached ({said}); {advice}",
            path=path,
            said=said,
            advice=advice,
        )


def open_encoder(config: EncoderConfig, model: LocatedModel) -> Encoder:
    """Return the encoder that `config` names, behind its cache if it asks for one.

    Raises:
        ModelError: the folder holds no model of the configured backend; with a cache this comes up
            when the first vector is computed.
    """
    if not config.cache:
        return load_encoder(config, model.path)
    return CachedEncoder(
        partial(load_encoder, config, model.path),
        cache_file(config, model),
        query_prefix=config.query_prefix,
        max_bytes=config.cache_gib * 2**30,
        windows=Windows(model.path, config),
    )
