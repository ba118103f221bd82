"""The command line: list, show, run, compare, sweep, report, nwb, notebook, cache. Nothing heavy is imported before a
command needs it."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuroam.errors import DescriptionError, NeuroamError

EPILOG = """examples:
  neuroam list                                   what there is
  neuroam show mushroom_body                     a circuit as a Methods section would print it
  neuroam show odour_discrimination              a protocol's groups, timetable and predictions
  neuroam run odour_discrimination               run it; a folder with recordings, verdicts and report.html
  neuroam run odour_discrimination --animals 20 --set heterogeneity=lognormal
  neuroam compare odour_discrimination           hold its spiking, rate and effective levels against each other
  neuroam sweep odour_discrimination --set claws=3,5,7,9    run it at each value of a setting, in one table and figure
"""
COMPARE = """Run a protocol on the same animals at two levels of description or more, with the
same trials and the same noise, and say by trial and by metric how far the
levels are apart, with 95 % bootstrap intervals over animals.

A metric is, of every recorded population, the mean response, the fraction of
cells that answer, and the distance of the two levels' response vectors
(1 − cosine; relative L2); of circuits with stored patterns, the overlap with the
cued pattern and whether it is the best match; and whatever the protocol adds.
Verdicts on the protocol's predictions stand side by side. Leaves a folder with
comparison.nc, comparison.html and all recordings, and prints a table. Finished
animals are kept and shared with `neuroam run`: an interrupted comparison goes on
where it was when the same command is given again.

With --against, the circuit is made once for every value of a setting, and the
distance of the whole course of its visible neurons to that of the effective
model is drawn against the time constant of the hidden ones, with the fitted
order (1 is expected) and the time constant at which recall breaks. The time
step is then at most a tenth of the shortest hidden time constant, the same at
both levels; no population but the visible one is recorded."""
COMPARE_EXAMPLES = """examples:
  neuroam compare odour_discrimination
  neuroam compare odour_discrimination --levels spiking,rate --animals 20
  neuroam compare energy_descent --levels rate,effective
  neuroam compare energy_descent \\
      --against 'tau_hidden=0.05*ms,0.1*ms,0.2*ms,0.5*ms,1*ms,3*ms,10*ms,30*ms,100*ms'
  neuroam compare pattern_completion --levels rate,spiking \\
      --against 'tau_memory=0.1*ms,0.3*ms,1*ms,3*ms,10*ms,30*ms,100*ms'
"""
SWEEP = """Run a protocol in every cell of a grid of settings, or of a list: what `neuroam run`
does, once for each set of parameters. Settings with several values, --set
key=a,b,c, make the grid, those with one hold for all of it. With --list, the sets
are the lines of a table of comma-separated values, the names of settings in its
first line.

Leaves a folder with the recording of every cell, with sweep.nc, all statistics
and metrics as one Dataset over the parameters, the same as sweep.csv, and
report.html, each claim and metric against the parameters. A cell that fails does
not end the sweep; it is named at the end, and the exit status is then 1. The same
command given again runs what is missing or failed, and nothing else, however the
last one ended."""
SWEEP_EXAMPLES = """examples:
  neuroam sweep odour_discrimination --set claws=3,5,7,9 --animals 8
  neuroam sweep odour_discrimination --set claws=3,5,7 --set kenyon=500,1000,2000 --levels rate --jobs 4
  neuroam sweep energy_descent --list cells.csv --levels effective
  neuroam sweep odour_discrimination --set claws=3,5,7 --scheduler tcp://10.0.0.1:8786
"""


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="neuroam", description="A simulated neuroscience laboratory for circuits of "
                                  "associative memory.", epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"neuroam {_version()}")
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND", required=True)
    verbs.add_parser("list", help="circuits and protocols, a line each").set_defaults(do=_list)
    show = verbs.add_parser("show", help="describe a circuit, or print a protocol's timetable")
    show.add_argument("name", metavar="NAME", help="a name from `neuroam list`")
    show.add_argument("--markdown", action="store_true", help="print Markdown tables")
    _settings(show)
    show.set_defaults(do=_show)
    _run_parser(verbs)
    _compare_parser(verbs)
    _sweep_parser(verbs)
    report = verbs.add_parser("report", help="judge what was recorded again and write its page anew",
                              description="Judge, and compare, the recordings of a folder with the analysis as it is "
                              "now, and write its page anew. The page of a sweep, or of a comparison --against values, "
                              "is drawn anew from its table: give its command to measure again.")
    report.add_argument("folder", metavar="FOLDER", help="a folder that `neuroam run`, `compare` or `sweep` made")
    report.set_defaults(do=_report)
    _keeping_parsers(verbs)
    cache = verbs.add_parser("cache", help="show compiled simulation programs and finished animals, or clear them")
    cache.add_argument("--clear", action="store_true", help="delete them; they are made again when needed")
    cache.add_argument("--out", default="runs", metavar="FOLDER", help="where runs are kept (default: runs)")
    cache.set_defaults(do=_cache)
    return top


def _keeping_parsers(verbs: argparse._SubParsersAction) -> None:
    nwb = verbs.add_parser("nwb", help="write recordings as NWB files, one for each animal",
                           description="Write every animal of a recording, or of all recordings of a run, a "
                           "comparison or a sweep, to an NWB file of its own in a folder beside it; the report then "
                           "links them.")
    nwb.add_argument("path", metavar="PATH", help="a recording (.nc), or a folder that `neuroam run`, `compare` "
                     "or `sweep` made")
    nwb.add_argument("--species", metavar="LATIN", help="the species modelled, such as 'Drosophila melanogaster'")
    nwb.set_defaults(do=_nwb)
    notebook = verbs.add_parser("notebook", help="write index.html, the page on all runs, anew",
                                description="Write the notebook of a folder of runs anew. Every run does so itself; "
                                "this is for after folders were moved or deleted.")
    notebook.add_argument("out", nargs="?", default="runs", metavar="FOLDER",
                          help="where runs are kept (default: runs)")
    notebook.set_defaults(do=_notebook)


def _run_parser(verbs: argparse._SubParsersAction) -> None:
    run = verbs.add_parser("run", help="run a protocol and judge its predictions",
                           description="Run every group of a protocol on a number of animals, at one or more levels of "
                           "description, and compare the outcome with the published one. Finished animals are kept: "
                           "an interrupted run goes on where it was when the same command is given again.")
    _choices(run)
    _nwb_too(run)
    run.add_argument("--precision", default="float64", choices=("float64", "float32"),
                     help="of states and weights: double (default), or single, which takes half of the memory")
    run.set_defaults(do=_run)


def _compare_parser(verbs: argparse._SubParsersAction) -> None:
    compare = verbs.add_parser("compare", help="hold levels of description against each other, trial by trial",
                               description=COMPARE, epilog=COMPARE_EXAMPLES,
                               formatter_class=argparse.RawDescriptionHelpFormatter)
    _choices(compare)
    compare.add_argument("--against", metavar="KEY=VALUE,…", help="values of a setting that changes the time constant "
                         "of the circuit's hidden neurons, such as tau_hidden=0.1*ms,1*ms,10*ms: --levels (default: "
                         "rate) are held against the effective level at each of them")
    _nwb_too(compare)
    compare.set_defaults(do=_compare)


def _sweep_parser(verbs: argparse._SubParsersAction) -> None:
    sweep = verbs.add_parser("sweep", help="run a protocol at every combination of some settings",
                             description=SWEEP, epilog=SWEEP_EXAMPLES,
                             formatter_class=argparse.RawDescriptionHelpFormatter)
    _choices(sweep, "--jobs", "KEY=VALUE,…")
    sweep.add_argument("--list", metavar="FILE", dest="listed", help="a table of parameter sets (.csv)")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="run on the workers of a Dask cluster, such as "
                       "tcp://10.0.0.1:8786; --out must be a folder that all of them share")
    sweep.set_defaults(do=_sweep)


def _choices(command: argparse.ArgumentParser, workers: str = "--workers", setting: str = "KEY=VALUE") -> None:
    """What `run`, `compare` and `sweep` can be told."""
    command.add_argument("protocol", metavar="PROTOCOL", help="a name from `neuroam list`")
    command.add_argument("--circuit", metavar="NAME", help="circuit to run it on (default: the protocol's usual one)")
    command.add_argument("--levels", default="", metavar="LEVEL,…",
                         help="levels of description, of spiking, rate and effective (default: all the circuit has)")
    command.add_argument("--solver", default="numba", choices=("numba", "brian", "brian-cpp", "brian-cuda"),
                         help="what integrates the spiking and rate levels: numba (default), or Brian2 run as Python, "
                         "as a C++ program or as a CUDA program")
    command.add_argument("--animals", type=int, default=8, metavar="N", help="animals in each group (default: 8)")
    command.add_argument("--seed", type=int, default=1, metavar="S",
                         help="animal k is wired from seed S + k (default: 1)")
    command.add_argument("--dt", type=float, metavar="MS", help="time step in ms (default: the protocol's usual one)")
    command.add_argument(workers, type=int, metavar="N", dest="workers",
                         help="processes to use (default: one for each core)")
    command.add_argument("--out", default="runs", metavar="FOLDER",
                         help="where to put the folder with what comes out (default: runs)")
    _settings(command, setting)


def _nwb_too(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nwb", action="store_true", help="also keep every animal as an NWB file")


def _settings(command: argparse.ArgumentParser, form: str = "KEY=VALUE") -> None:
    command.add_argument("--set", action="append", default=[], metavar=form, dest="settings",
                         help="a setting of the circuit or protocol, such as claws=7, odour=1*second or "
                         "circuit.kenyon=500; may be given several times")


def _version() -> str:
    from importlib import metadata

    return metadata.version("neuroam")


def _list(options: argparse.Namespace) -> int:
    from neuroam import registry

    for kind in ("circuits", "protocols"):
        print(kind)
        for name in registry.names(kind):
            print(f"  {name:30s}{registry.summary(kind, name)}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from neuroam import registry
    from neuroam.circuit import unknown
    from neuroam.methods import describe

    for kind in ("circuits", "protocols"):
        if options.name in registry.names(kind):
            described = describe(registry.build(kind, options.name, dict(map(_setting, options.settings))))
            print(described.markdown if options.markdown else described.text)
            return 0
    everything = [name for kind in ("circuits", "protocols") for name in registry.names(kind)]
    raise DescriptionError(unknown("circuit or protocol", options.name, everything))


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise DescriptionError(f"--set {text!r}: write it as KEY=VALUE, for example claws=7")
    return key.strip(), value.strip()


def _run(options: argparse.Namespace) -> int:
    from neuroam.runs import Request, run

    run(Request(**_chosen(options), precision=options.precision), options.out, options.workers, nwb=options.nwb)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from neuroam.compare_folder import Comparison, run_comparison

    against, values = _against(options.against)
    run_comparison(Comparison(**_chosen(options), against=against, values=values), options.out, options.workers,
                   nwb=options.nwb)
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from neuroam.sweep import SweepRequest, run_sweep
    from neuroam.sweep_settings import read_list, split_values

    given = {key: split_values(key, text) for key, text in map(_setting, options.settings)}
    values = {key: several for key, several in given.items() if len(several) > 1}
    if bool(values) == bool(options.listed):
        raise DescriptionError("give several values with --set, for example --set claws=5,7,9, or a --list of "
                               "parameter sets, not both" if values else "there is nothing to sweep; give a setting "
                               "several values, for example --set claws=5,7,9")
    settings = {key: several[0] for key, several in given.items() if len(several) == 1}
    rows = read_list(options.listed) if options.listed else ()
    request = SweepRequest(**{**_chosen(options), "settings": settings}, values=values, rows=rows,
                           listed=options.listed or "")
    return run_sweep(request, options.out, options.workers, options.scheduler)


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a `runs.Request`."""
    levels = tuple(level.strip() for level in options.levels.split(",") if level.strip())
    plain = {name: getattr(options, name) for name in ("protocol", "circuit", "solver", "animals", "seed", "dt")}
    return {**plain, "levels": levels, "settings": dict(map(_setting, options.settings))}


def _against(text: str | None) -> tuple[str, tuple[str, ...]]:
    """The setting and its values."""
    if text is None:
        return "", ()
    key, _, listed = text.partition("=")
    values = tuple(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if not key.strip() or len(values) < 2:
        raise DescriptionError(f"--against {text!r}: write a setting and two values or more, for example "
                               "tau_hidden=0.1*ms,1*ms,10*ms")
    return key.strip(), values


def _report(options: argparse.Namespace) -> int:
    folder = Path(options.folder)
    if (folder / "sweep.json").exists():
        from neuroam.sweep import rewrite_page

        print(f"page: {rewrite_page(folder)}")
    elif (folder / "comparison.nc").exists():
        from neuroam.compare_folder import rewrite_comparison

        rewrite_comparison(folder)
    else:
        from neuroam.runs import rewrite_report

        rewrite_report(folder)
    return 0


def _nwb(options: argparse.Namespace) -> int:
    path = Path(options.path)
    if (path / "sweep.json").exists():
        from neuroam.sweep import export_cells

        export_cells(path, options.species)
    elif (path / "comparison.nc").exists():
        from neuroam.compare_folder import export_comparison

        export_comparison(path, options.species)
    else:
        from neuroam.runs import export_nwb

        export_nwb(path, options.species)
    return 0


def _notebook(options: argparse.Namespace) -> int:
    from neuroam.notebook import write_notebook

    print(write_notebook(options.out))
    return 0


def _cache(options: argparse.Namespace) -> int:
    from neuroam.runs import clear_cache, show_cache

    (clear_cache if options.clear else show_cache)(options.out)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Errors a user can cure are one message on stderr and exit status 2."""
    options = parser().parse_args(arguments)
    try:
        return options.do(options)
    except NeuroamError as error:
        print(f"neuroam: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nneuroam: interrupted; finished animals are kept, give the same command again to go on",
              file=sys.stderr)
        return 130
    except BrokenPipeError:  # `neuroam list | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
