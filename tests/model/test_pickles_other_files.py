"""A file that is not a network's pickle is called what it is."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from tests.model.pickle_parts import refusal, refusal_of


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.pkl")


def test_a_folder_is_called_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_a_file_without_read_permission_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x04}.")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "permission denied" in refusal(path)


def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.pkl"
    os.mkfifo(path)
    assert "not a regular file" in refusal(path)


def test_a_file_that_claims_terabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pkl"
    with path.open("wb") as file:
        file.write(b"\x80\x04")
        file.truncate(1 << 42)
    assert "too large" in refusal(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not a network\n" * 9, "is not a pickle"),
        (b"\n <!DOCTYPE html><html>404</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is not a pickle"),
        (b"\x80", "is cut short"),
        (b"\x80\x00.", "protocol 0"),
        (b"\x80\x09.", "protocol 9"),
        (pickle.dumps([1, 2]), "not of networks"),
        (pickle.dumps({1: None}), "not of networks"),
        (pickle.dumps({"a": 1}), "holds no network"),
        (pickle.dumps({"G": None, "D": 3}), "holds no network"),
    ],
)
def test_a_wrong_file_is_called_what_it_is(data: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refusal_of(tmp_path, data)


def test_a_newer_torch_checkpoint_is_called_a_zip_archive(tmp_path: Path) -> None:
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, file)
    assert "is a zip archive" in refusal_of(tmp_path, file.getvalue())


def test_a_torchscript_is_called_a_zip_archive(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/code/__torch__.py", "def forward(self): pass")
        archive.writestr("net/constants.pkl", pickle.dumps(()))
    assert "TorchScript" in refusal_of(tmp_path, file.getvalue())


def test_an_old_torch_checkpoint_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    assert "not of networks" in refusal_of(tmp_path, file.getvalue())


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    assert "is empty" in refusal_of(tmp_path, b"")
