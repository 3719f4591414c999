"""Questions that are shared: by threads, servers that run one model, or processes that hold it."""
