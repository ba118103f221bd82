"""Programs for a GPU: what they are compiled with and for, their source, and, where there is one, what they compute.

nvcc and nvidia-smi are played by scripts that print what the real ones print. Source is written by brian2cuda itself
where it is installed; nothing of that needs a GPU. The references on a GPU are the C++ programs of the same plan.
"""
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from brian_cases import CIRCUITS, assert_same, session_of

from neuroam.errors import NeuroamError
from neuroam.solvers import Brian, Numba, brian_cuda, brian_program
from neuroam.solvers.base import Outcome
from neuroam.solvers.brian_circuit import plan
from neuroam.solvers.brian_cuda import Gpu, Target

GRADED = "linear", "rectified", "tanh", "graded rule", "graded rule, sparse"
HOPPER = "GPU-aa11, NVIDIA H100 80GB HBM3, 9.0, 81559"
SMALL = "GPU-bb22, Quadro P400, 6.1, 2000"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine on which these programs print these lines; without a line, the program fails."""
    bin_ = tmp_path / "cuda" / "bin"
    bin_.mkdir(parents=True)
    for name in ("NEUROAM_CUDA_CAPABILITY", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_PATH", str(bin_.parent))
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}/usr/bin{os.pathsep}/bin")
    brian_cuda._target.cache_clear()

    def script(name: str, cases: dict[str, str]) -> None:
        lines = [f'  {option}*) cat <<"E"\n{text}\nE\n  ;;' for option, text in cases.items() if text]
        (bin_ / name).write_text("#!/bin/sh\ncase $1 in\n" + "\n".join(lines) + "\n  *) exit 9 ;;\nesac\n")
        (bin_ / name).chmod(0o755)

    def made(gpus=(HOPPER,), release="13.0", archs=(75, 80, 90, 120), curand=True) -> Path:
        script("nvidia-smi", {"--query-gpu": "\n".join(gpus)})
        script("nvcc", {"--version": f"Cuda compilation tools, release {release}, V{release}.88",
                        "--list-gpu-arch": "\n".join(f"compute_{arch}" for arch in archs),
                        "-M": "probe.o: curand.h" if curand else ""})
        return bin_.parent

    yield made
    brian_cuda._target.cache_clear()


@pytest.mark.parametrize("release, archs, line, capability", [
    ("12.4", (50, 61, 90), HOPPER, 9.0), ("13.0", (75, 90, 120, 121), HOPPER, 9.0), ("12.4", (50, 61, 90), SMALL, 6.1),
    ("13.0", (75, 90, 120), "GPU-cc33, NVIDIA GeForce RTX 5090, 12.0, 32607", 12.0),
    ("12.0", (), HOPPER, 9.0)])
def test_the_toolkit_and_the_gpu_are_found(machine, release, archs, line, capability):
    home = machine([line], release, archs)
    found = brian_cuda.target()
    assert (found.home, found.version, found.capability) == (str(home), float(release), capability)
    assert found.heap == max(128, int(line.split(", ")[3]) // 16) and found.headers == found.libraries == ()


@pytest.mark.parametrize("visible, name", [
    (None, "NVIDIA H100 80GB HBM3"), ("0", "NVIDIA H100 80GB HBM3"), ("1", "Quadro P400"), ("1,0", "Quadro P400"),
    ("GPU-bb", "Quadro P400"), ("MIG-1234", "NVIDIA H100 80GB HBM3")])
def test_the_program_runs_on_the_first_gpu_that_is_visible(machine, visible, name):
    machine([HOPPER, SMALL])
    assert brian_cuda.first_gpu(visible).name == name


def test_another_capability_can_be_compiled_for(machine, monkeypatch):
    machine(gpus=())
    monkeypatch.setenv("NEUROAM_CUDA_CAPABILITY", "8.0")
    assert brian_cuda.target().capability == 8.0


def refused(*parts: str) -> None:
    with pytest.raises(NeuroamError) as error:
        brian_cuda.target()
    text = str(error.value)
    assert "\n" not in text and all(part in text for part in (*parts, "Brian('cpp_standalone')"))


def test_without_a_gpu_it_says_what_to_do(machine, monkeypatch):
    machine(gpus=())
    refused("needs an NVIDIA GPU", "nvidia-smi finds none", "NEUROAM_CUDA_CAPABILITY=9.0")
    machine([HOPPER])
    for hidden in ("", "-1", "3"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        refused(f"CUDA_VISIBLE_DEVICES={hidden} lets none of the 1 through")


@pytest.mark.parametrize("line, release, archs, cure", [
    (SMALL, "13.0", (75, 90, 120), "Quadro P400 has compute capability 6.1, and CUDA 13.0 compiles for 7.5 to 12.0; "
                                   "install an older CUDA toolkit"),
    ("GPU-c, NVIDIA B200, 10.0, 183359", "12.4", (50, 80, 90), "10.0, and CUDA 12.4 compiles for 5.0 to 9.0; install a "
                                                             "newer CUDA toolkit")])
def test_a_toolkit_that_does_not_know_the_gpu(machine, line, release, archs, cure):
    machine([line], release, archs)
    refused(cure)


@pytest.mark.parametrize("release, wheel, package", [("12.4", "curand", "nvidia-curand-cu12"),
                                                     ("13.0", "cu13", "nvidia-curand,")])
def test_curand_comes_with_the_toolkit_or_in_a_wheel(machine, tmp_path, monkeypatch, release, wheel, package):
    machine(release=release, curand=False)
    monkeypatch.setattr("sys.path", [str(tmp_path / "site")])
    refused("cuRAND", f"pip install {package}")
    include = tmp_path / "site" / "nvidia" / wheel / "include"
    include.mkdir(parents=True)
    (include / "curand.h").touch()
    found = brian_cuda.target()
    assert found.headers == (str(include),) and found.libraries == (str(include.parent / "lib"),)


def test_without_a_compiler_and_with_nonsense(machine, monkeypatch):
    home = machine()
    monkeypatch.setenv("NEUROAM_CUDA_CAPABILITY", "sm_90")
    with pytest.raises(NeuroamError, match=r"NEUROAM_CUDA_CAPABILITY is 'sm_90'; make it .* such as 9.0"):
        brian_cuda.target()
    (home / "bin" / "nvcc").unlink()
    monkeypatch.setattr(brian_cuda.shutil, "which", lambda name, path=None: None)
    refused("nvcc is not there; install the CUDA toolkit")


def test_programs_are_kept_apart_by_gpu_and_toolkit():
    drawn = plan(*session_of("tanh"), "euler", "float64")
    targets = [None, Target("/c", 13.0, 9.0), Target("/c", 13.0, 8.0), Target("/c", 12.4, 9.0)]
    assert len({brian_program.key_of(drawn, "cuda_standalone", target) for target in targets}) == 4


# the source, as brian2cuda writes it

TARGET = Target("/usr/local/cuda", 13.0, 9.0, 256)


def written(name: str, folder: Path, seed: int = 1) -> tuple[Path, dict]:
    pytest.importorskip("brian2cuda", reason="needs brian2cuda: Python 3.12 or later and neuroam[cuda]")
    folder.mkdir(exist_ok=True)
    brian_program.write(plan(*session_of(name, seed), "exponential_euler", "float64"), "cuda_standalone", name, folder,
                        TARGET)
    return folder, json.loads((folder / "manifest.json").read_text())


@pytest.mark.parametrize("name", ["spiking", "graded rule", *(pytest.param(name, marks=pytest.mark.slow) for name in (
    "spike timing, sparse and delayed", "conductances", "at once", "divisive", "mixed rule"))])
def test_source_is_written_and_another_seed_differs_in_its_arrays_alone(name, tmp_path):
    """What is fed to the program of seed 1 for seed 2 is what brian2cuda itself writes for seed 2."""
    (one, manifest), (two, _) = written(name, tmp_path / "one"), written(name, tmp_path / "two", seed=2)
    source = [file.relative_to(one) for file in one.rglob("*") if file.suffix in (".cu", ".h")]
    assert len(source) > 15
    for file in source:
        lines = [(place / file).read_text().splitlines() for place in (one, two)]
        if file.name == "main.cu":  # it resets the clocks in any order
            lines = [sorted(text) for text in lines]
        assert lines[0] == lines[1], file
    here = tmp_path / "here"
    here.mkdir()
    brian_program._feed(plan(*session_of(name, 2), "exponential_euler", "float64"), manifest, one, here)
    differ = set()
    for file in (two / "static_arrays").iterdir():
        if file.read_bytes() != (here / "static_arrays" / file.name).read_bytes():
            differ.add(file.name.rsplit("_train0", 1)[-1])
    assert differ <= {"_spike_time", "_spike_number"}  # Brian2's own copies of the input spikes, which no kernel reads
    used = (one / "code_objects").glob("train0_codeobject.cu")
    assert not any("spike_time" in file.read_text() for file in used)
    assert not any("defaultclock" in file.read_text() for file in one.glob("code_objects/*.cu"))  # there is none
    assert "extern Clock every1;" in (one / "objects.h").read_text()


def test_it_is_compiled_exactly(tmp_path):
    folder, _ = written("tanh", tmp_path)
    makefile = (folder / "makefile").read_text()
    flags = next(line for line in makefile.splitlines() if line.startswith("NVCCFLAGS"))
    assert "c++11" not in makefile and "-std=c++17" in flags and "-arch=sm_90" in flags.split()
    assert "fast" not in flags and "-fmad=false" in flags and "-ffp-contract=off" in flags
    assert "256 * 1024 * 1024" in (folder / "main.cu").read_text()
    assert "/usr/local/cuda/bin/nvcc" in makefile and "-lcurand" in makefile


def test_brian2cuda_alone_would_not_be_exact():
    pytest.importorskip("brian2cuda")
    import brian2
    import brian2cuda  # noqa: F401  (registers its preferences)

    assert "-use_fast_math" in brian2.prefs["devices.cuda_standalone.cuda_backend.extra_compile_args_nvcc"]


def test_the_linker_finds_curand_in_a_wheel(tmp_path):
    from neuroam.solvers.brian_device import _for_linker

    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libcurand.so.10").write_text("x")
    place = _for_linker(Target("/c", 13.0, 9.0, libraries=(str(tmp_path / "lib"),)), tmp_path)
    assert (place / "libcurand.so").read_text() == "x"


# what they compute

def assert_counts_agree(one: Outcome, other: Outcome) -> None:
    """Spikes of each population, to three standard deviations of the difference of two Poisson counts."""
    assert one.spikes.keys() == other.spikes.keys()
    for name in one.spikes:
        counts = [len(outcome.spikes[name][0]) for outcome in (one, other)]
        assert abs(counts[0] - counts[1]) <= 3 * np.sqrt(sum(counts)), name


def test_the_comparison_of_counts_would_see_another_circuit():
    wired, session = session_of("spiking")
    outcome, other = Numba().run(wired, session), Brian().run(wired, session)
    assert_counts_agree(outcome, other)
    tick, cell = outcome.spikes["out"]
    outcome.spikes["out"] = tick[::3], cell[::3]
    with pytest.raises(AssertionError):
        assert_counts_agree(outcome, other)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    if not brian_program._version("brian2cuda"):
        pytest.skip("needs brian2cuda: Python 3.12 or later and neuroam[cuda]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROAM_CACHE", str(tmp_path_factory.mktemp("programs")))
        yield


@pytest.mark.gpu
@pytest.mark.parametrize("name", GRADED)
def test_graded_circuits_agree_with_cpp_to_float_precision(name, programs):
    for seed in (1, 2):
        wired, session = session_of(name, seed)
        assert_same(*(Brian(device).run(wired, session) for device in ("cpp_standalone", "cuda_standalone")),
                    tolerance=1e-11, weights=1e-11)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in CIRCUITS if name not in GRADED])
def test_spiking_circuits_agree_with_cpp_in_their_counts(name, programs):
    for seed in (1, 2):
        wired, session = session_of(name, seed)
        cpp, cuda = (Brian(device).run(wired, session) for device in ("cpp_standalone", "cuda_standalone"))
        assert_counts_agree(cpp, cuda)


@pytest.mark.gpu
def test_the_gpu_has_a_name():
    found = brian_cuda.first_gpu(os.environ.get("CUDA_VISIBLE_DEVICES"))
    assert isinstance(found, Gpu) and found.name and found.capability >= 5.0


def test_animals_side_by_side_in_one_program_do_what_each_does_alone():
    herd = pytest.importorskip("benchmarks.herd").herd
    animal = pytest.importorskip("benchmarks.circuit").animal
    animals, sizes = [animal(60, 0.15, seed) for seed in (3, 4)], {"KC": 60, "MBON": 34}
    whole = Numba().run(*herd(animals))
    for k, alone in enumerate(animals):
        spikes = Numba().run(*alone).spikes
        for name, size in sizes.items():
            tick, cell = whole.spikes[name]
            own = cell // size == k
            np.testing.assert_array_equal(tick[own], spikes[name][0])
            np.testing.assert_array_equal(cell[own] - k * size, spikes[name][1])
            assert len(spikes[name][0]) > 20
