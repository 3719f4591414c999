"""`labelmend serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labelmend.cli import help_page, options
from labelmend.cli.console import ProgressBars, keeping_votes
from labelmend.cli.terminal import harmless
from labelmend.voice.speak import meant, tell

if TYPE_CHECKING:
    from labelmend.workflows.serve import Running

Served = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Folder that `labelmend train-classifier` wrote, or registry of `labelmend retrain`.",
        show_default=False,
        readable=False,
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        help="Another one, which answers beside it where it is asked to.",
        show_default=False,
        readable=False,
        rich_help_panel=help_page.INPUT,
    ),
]
Plain = Annotated[
    bool,
    typer.Option(
        "--plain",
        help="Compute as `labelmend predict` does, not by an ONNX export.",
        rich_help_panel=help_page.INPUT,
    ),
]
WatchS = Annotated[
    float,
    typer.Option(
        "--watch-s",
        help="Seconds between two looks for a new model in the folder; 0 for none.",
        min=0,
        max=86400,
        rich_help_panel=help_page.INPUT,
    ),
]


def serve(
    model: Served,
    against: Against = None,
    plain: Plain = False,
    watch_s: WatchS = 2.0,
    trust_key: options.TrustKey = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            help="Another one lets other machines in: it needs tokens, and HTTPS.",
            rich_help_panel=help_page.SERVER,
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            help="0 for any free one.",
            min=0,
            max=65535,
            rich_help_panel=help_page.SERVER,
        ),
    ] = 8378,
    token_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--token-file",
            help="Holds tokens, one a line, of which a request needs one; may be repeated.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.SERVER,
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            help="Chain of certificates for HTTPS, as PEM.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.SERVER,
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(
            "--tls-key",
            help="Its private key.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.SERVER,
        ),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            help="A proxy on the way has HTTPS, and hands requests on.",
            rich_help_panel=help_page.SERVER,
        ),
    ] = False,
    grace_s: Annotated[
        float,
        typer.Option(
            "--grace-s",
            help="Seconds after a signal in which new requests are still answered.",
            min=0,
            max=3600,
            rich_help_panel=help_page.SERVER,
        ),
    ] = 1.0,
    max_queue: Annotated[
        int,
        typer.Option(
            "--max-queue",
            help="Texts that may wait; what comes then is refused with 429.",
            min=1,
            max=1_000_000,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 512,
    max_batch: Annotated[
        int,
        typer.Option(
            "--max-batch",
            help="Texts that are computed together.",
            min=1,
            max=4096,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 64,
    max_wait_ms: Annotated[
        float,
        typer.Option(
            "--max-wait-ms",
            help="Milliseconds that a text waits for company.",
            min=0,
            max=1000,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 1.0,
    max_texts: Annotated[
        int,
        typer.Option(
            "--max-texts",
            help="Texts of a request.",
            min=1,
            max=100_000,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 1000,
    max_chars: Annotated[
        int,
        typer.Option(
            "--max-chars",
            help="Characters of a text.",
            min=1,
            max=1_000_000,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 10_000,
    max_body_kib: Annotated[
        int,
        typer.Option(
            "--max-body-kib",
            help="KiB of a request's body.",
            min=1,
            max=65536,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 1024,
    max_connections: Annotated[
        int,
        typer.Option(
            "--max-connections",
            help="Connections that are open at once.",
            min=1,
            max=100_000,
            rich_help_panel=help_page.LIMITS,
        ),
    ] = 1000,
    log: options.LogFile = None,
    log_texts: options.LogTexts = False,
    mask: options.Mask = False,
    log_days: options.LogDays = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="What the page holds the log against, such as held-out texts with the model's "
            "predictions; the model's folder if not given.",
            show_default=False,
            readable=False,
            rich_help_panel=help_page.LOG,
        ),
    ] = None,
    feedback_rate: options.FeedbackRate = 60,
    _lang: options.Lang = "en",
    quiet: options.Quiet = False,
) -> None:
    """Answer over HTTP what labels texts have: POST /v1/predict, and a page to try it on.

    Models of several labels a text name all that are called, those of soft targets their values.

    A new model in the folder, or a new champion of the registry, takes its place without a pause.
    """
    from labelmend.serve.batcher import Bounds
    from labelmend.serve.place import Place
    from labelmend.serve.service import Limits
    from labelmend.voice.speak import spoken
    from labelmend.workflows.serve import Models, ServeRequest, open_server

    place = Place(
        host,
        port,
        tuple(token_file or ()),
        tls_cert,
        tls_key,
        behind_proxy,
        grace_s,
        max_connections,
    )
    bounds = Bounds(max_queue, max_wait_ms / 1000, max_batch)
    limits = Limits(max_texts, max_chars, max_body_kib * 1024, bounds)
    models = Models(model, against, plain, trust_key)
    kept = options.log_request(
        log, texts=log_texts, mask=mask, days=log_days, feedback_rate=feedback_rate
    )
    request = ServeRequest(models, place, limits, spoken(), watch_s, kept, reference)
    with keeping_votes(None), ProgressBars(quiet=quiet) as bars:
        running = open_server(request, bars, tell_swap)
    try:
        if not quiet:
            _say(running)
        running.serve()
    except KeyboardInterrupt:
        typer.echo()
    finally:
        running.close()
    if not quiet:
        typer.echo(tell("stopped; all requests that came were answered"))


_LABELS = meant(
    "{role}: {name} {version}, {kind} with {labels:,} {labels:one=label|other=labels}, {engine}"
)
_TARGETS = meant(
    "{role}: {name} {version}, {kind} with {labels:,} soft {labels:one=target|other=targets}, "
    "{engine}"
)


def _say(running: "Running") -> None:
    """Say where the server is, and what it serves."""
    server = running.server
    for role, model in server.service.models.items():
        for text in model.notes:
            typer.echo(tell("Note: {note:name}", note=harmless(text)), err=True)
        line = tell(
            _TARGETS if model.task == "soft" else _LABELS,
            role=role,
            name=harmless(model.name),
            version=model.version,
            kind=model.kind,
            labels=len(model.labels),
            engine=model.engine.name,
        )
        typer.echo(line)
    typer.echo(tell("serving at {address}; stop with Ctrl-C", address=server.listener.door.address))


def tell_swap(what: str, role: str, fact: str) -> None:
    """Say that a model took the place of another, or could not."""
    if what == "swapped":
        line = tell("{role}: version {version} answers from now on", role=role, version=fact)
    else:
        line = tell(
            "{role}: a new model can't be loaded, the one before answers on: {why}",
            role=role,
            why=harmless(fact),
        )
    typer.echo(line, err=True)
