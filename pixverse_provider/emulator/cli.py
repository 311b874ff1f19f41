"""The command ``pixverse-emulator``."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from pixverse_provider.emulator.account.settings import (
    DEFAULT_API_KEY,
    RENDER_MODES,
    InvalidSettingError,
    Settings,
)

_DISTRIBUTION: Final = "airflow-provider-pixverse"
_KEY_VARIABLE: Final = "PIXVERSE_EMULATOR_API_KEY"
_LAST_PORT: Final = 65_535
_NEEDED: Final = {
    "fastapi": ("fastapi",),
    "uvicorn": ("uvicorn",),
    "python-multipart": ("python_multipart", "multipart"),
    "av": ("av",),
    "numpy": ("numpy",),
    "pillow": ("PIL",),
}
"""Packages of the extra, and the names under which their releases are imported."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    missing = [package for package, modules in _NEEDED.items() if not any(map(_is_installed, modules))]
    if missing:
        return _refuse(
            f"The emulator needs {', '.join(missing)}. "
            "Install it with: pip install 'airflow-provider-pixverse[emulator]'"
        )
    if not 0 <= options.port <= _LAST_PORT:
        return _refuse(f"port must be 0 to {_LAST_PORT}, not {options.port}.")
    api_key = getattr(options, "api_key", None)
    if api_key == "":
        return _refuse(f"--api-key is empty: give a key, or leave it out for {DEFAULT_API_KEY}.")
    try:
        settings = Settings(
            api_key=api_key or os.environ.get(_KEY_VARIABLE) or DEFAULT_API_KEY,
            generation_seconds=options.generation_seconds,
            concurrency=options.concurrency,
            credits=options.credits,
            render=options.render,
        )
    except InvalidSettingError as error:
        return _refuse(f"{error}.")
    return _serve(options, settings)


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from pixverse_provider.emulator.server import EmulatorServer, InvalidHostError, NotLoopbackError

    if not options.quiet:
        _log_requests()
    if options.data_dir is not None:
        try:
            options.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return _refuse(f"The folder {options.data_dir} cannot be used: {error.strerror}.")
    try:
        server = EmulatorServer(
            settings,
            host=options.host,
            port=options.port,
            directory=options.data_dir,
            allowed_hosts=options.allow_host,
        )
    except (NotLoopbackError, InvalidHostError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{options.host} port {options.port} cannot be used: {error.strerror}.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        if options.port_file is not None:
            options.port_file.write_text(f"{server.port}\n")
        print(_greeting(server.url, settings, options.allow_host), flush=True)
        stop.wait()
        print("Stopping.", flush=True)
    if options.port_file is not None:
        options.port_file.unlink(missing_ok=True)
    return 0


def _greeting(url: str, settings: Settings, allowed: list[str]) -> str:
    # Only the emulator's own key is no secret.
    own_key = settings.api_key == DEFAULT_API_KEY
    password = DEFAULT_API_KEY if own_key else "<the key that you gave>"
    connection = json.dumps({"conn_type": "pixverse", "host": f"{url}/openapi/v2", "password": password})
    return (
        f"PixVerse emulator: {url}/\n"
        f"  a job takes {settings.generation_seconds:g} s, {settings.concurrency} at once, "
        f"{settings.credits} credits\n"
        f"  connection for Airflow:\n"
        f"    export AIRFLOW_CONN_PIXVERSE_DEFAULT='{connection}'\n"
        + (f"  from elsewhere, with the host {' or '.join(allowed)} in its URL\n" if allowed else "")
        + "Stop it with Ctrl-C."
    )


def _log_requests() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("pixverse_provider.emulator")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pixverse-emulator",
        description="A PixVerse API on localhost: write and test DAGs without a key or a credit.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {importlib.metadata.version(_DISTRIBUTION)}"
    )
    serve = parser.add_subparsers(required=True, metavar="command").add_parser(
        "serve", help="run it until Ctrl-C", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    serve.add_argument(
        "--host", default="127.0.0.1", help="an address of this machine; 0.0.0.0 for all, with --allow-host"
    )
    serve.add_argument(
        "--allow-host",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="a host by which another machine or container may call it, such as the name of its container",
    )
    serve.add_argument("--port", type=int, default=8484, help="0 takes a free port")
    serve.add_argument("--generation-seconds", type=float, default=10.0, help="how long a job takes")
    serve.add_argument("--concurrency", type=int, default=5, help="jobs at once")
    serve.add_argument("--credits", type=int, default=10_000, help="credits at the start")
    # Without a default, which the help would print: the variable may hold a key that is used elsewhere too.
    serve.add_argument(
        "--api-key",
        default=argparse.SUPPRESS,
        help=f"the only key that is accepted; else that of {_KEY_VARIABLE}, else {DEFAULT_API_KEY}",
    )
    serve.add_argument("--render", choices=RENDER_MODES, default="full", help="how large results are drawn")
    serve.add_argument("--data-dir", type=Path, help="keep files here; a temporary directory when left out")
    serve.add_argument("--port-file", type=Path, help="write the port here once the emulator answers")
    serve.add_argument("--quiet", action="store_true", help="do not print a line for each request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
