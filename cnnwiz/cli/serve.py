"""`cnnwiz serve`: a local page on which a person tries a run's network."""

from __future__ import annotations

import typer

from cnnwiz.cli.options import Device, Run, Weights


def serve(
    run: Run,
    port: int = typer.Option(8000, "--port", min=0, max=65535, help="Port; 0 takes a free one."),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen at. By default only this computer."),
    weights: Weights = "best",
    device: Device = "auto",
) -> int:
    """Serve a local page on which one drops an image and sees the classes and where the network looked.

    Example: cnnwiz serve runs/digits-1

    Ctrl-C ends it. Needs the extra packages of: pip install 'cnnwiz[serve]'
    """
    from cnnwiz.errors import CnnwizError

    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise CnnwizError(f"serve needs {error.name}: pip install 'cnnwiz[serve]'") from None
    from cnnwiz.evaluation import open_trained
    from cnnwiz.serve.app import application
    from cnnwiz.serve.server import listen, local, serve

    trained = open_trained(run, weights, device)
    trained.refuse_boxes("serve")
    if trained.embeds:
        raise CnnwizError(f"{run}: its task is embed: it names no classes, so there is nothing to show")
    listener = listen(host, port)
    name, taken = listener.getsockname()[:2]
    if not local(name):
        typer.echo(f"warning: whoever reaches {name} can use this page, unencrypted and without a password", err=True)
    print(f"http://{f'[{name}]' if ':' in name else name}:{taken}/", flush=True)
    typer.echo(f"serving {run}; Ctrl-C ends it", err=True)
    heard = serve(application(trained, host), listener)
    return 128 + heard if heard else 0
