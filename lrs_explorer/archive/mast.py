"""The archive: its search for JWST data, its lists of files, and where a file is retrieved.

astroquery knows the addresses and how to ask; what goes wrong ends in one sentence here.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from lrs_explorer.archive.request import ArchiveRequest
from lrs_explorer.model.data.errors import LRSExplorerError

if TYPE_CHECKING:
    import requests
    from astroquery.mast import MastMissionsClass

__all__ = ["CHUNK", "TIMEOUT", "TOKEN", "TOKEN_HELP", "Fileset", "Mast", "token_for"]

T = TypeVar("T")

TOKEN: Final = "MAST_API_TOKEN"
"""Environment variable of the token of a MAST account, as astroquery has it."""

TOKEN_HELP: Final = f"set {TOKEN} to a token of an account that may (auth.mast.stsci.edu/tokens)"

TIMEOUT: Final = (20.0, 120.0)
"""Seconds to wait for a connection, and for the next bytes; whatever arrives is waited for."""

ROWS: Final = 5000
"""Rows of a search that come in one answer."""

DATASETS: Final = 100
"""File sets whose files are asked for together; the archive is slow, or gives up, with many."""

CHUNK: Final = 65_536
"""Bytes that are read at a time."""

COLUMNS: Final = ("productLevel", "observtn", "exp_type")
"""What is asked of each file set, besides its name."""


@dataclass(frozen=True)
class Fileset:
    """Files that the archive keeps together: those of an exposure, or of a combined product.

    Parameters
    ----------
    name : str
        What the names of its files begin with.
    observation : int or None
        None where the archive has none, or several.
    exp_type : str
    """

    name: str
    observation: int | None
    exp_type: str

    def covers(self, root: str) -> bool:
        """Tell whether files whose names begin with ``root`` belong to it; segments may."""
        own = self.name.removesuffix("_mirimage")
        return root == own or root.startswith(f"{own}-seg")


class Mast:
    """Asks MAST, by astroquery; see there for the server's address (``astroquery.mast.conf``).

    The search itself needs no account: it lists what is not public yet, too.

    Raises
    ------
    LRSExplorerError
        The archive cannot be reached or does not answer as it should.
    """

    def __init__(self) -> None:
        import requests
        from astropy.table import Table
        from astroquery.mast import MastMissionsClass, conf
        from astroquery.mast.services import ServiceAPI

        self._requests = requests
        self._host = urlsplit(ServiceAPI.SERVICE_URL).hostname or ServiceAPI.SERVICE_URL
        self._retrieve = f"{ServiceAPI.MISSIONS_DOWNLOAD_URL}jwst/api/v0.1/retrieve_product"
        self._missions: MastMissionsClass = MastMissionsClass(mission="jwst")
        # astroquery asks for the columns before the first search, and would wait for ever.
        columns = self._answer(
            "the request for its columns",
            lambda: requests.get(
                f"{conf.server}/search/util/api/v0.1/column_list",
                params={"mission": "jwst"},
                timeout=TIMEOUT,
            ),
            lambda content: [str(column["column_name"]) for column in content],
        )
        self._missions.columns["jwst"] = Table({"name": columns})

    def filesets(self, request: ArchiveRequest) -> list[Fileset]:
        """Return all file sets of MIRI of a program."""
        found: list[Fileset] = []
        while True:
            rows, total = self._search(request.program, len(found))
            found += rows
            if not rows or len(found) >= total:
                return found

    def _search(self, program: int, offset: int) -> tuple[list[Fileset], int]:
        def read(content: Any) -> tuple[list[Fileset], int]:
            rows = [_fileset(row) for row in content["results"]]
            return rows, int(content.get("totalResults") or len(rows))

        return self._answer(
            f"the search for program {program}",
            lambda: self._missions.query_criteria_async(
                program=str(program),
                instrume="MIRI",
                select_cols=list(COLUMNS),
                sort_by="fileSetName",
                limit=ROWS,
                offset=offset,
            ),
            read,
        )

    def products(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return what the archive says of each file of some file sets, each file once.

        Names, sizes and so on are as they came; see `lrs_explorer.archive.listing`.
        """
        wanted, found = list(names), dict[str, dict[str, Any]]()

        def read(content: Any) -> list[dict[str, Any]]:
            rows = content["products"]
            if rows and isinstance(rows[0], list):  # astroquery has seen this, too
                rows = rows[0]
            return [dict(row) for row in rows]

        for start in range(0, len(wanted), DATASETS):
            part = wanted[start : start + DATASETS]
            ask = functools.partial(self._missions.get_product_list_async, part)
            rows = self._answer(f"the request for the files of {part[0]}", ask, read)
            for row in rows:
                found.setdefault(str(row.get("filename")), row)
        return list(found.values())

    def association(self, uri: str, read: Callable[[Any], T], *, restricted: bool) -> T | None:
        """Return what is read from an association; None where it may not be had."""
        if restricted and not token_for(self.address(uri)):
            return None
        what = "the request for an association"
        try:
            with self.get(uri, restricted=restricted) as response:
                if response.status_code in (401, 403, 404):
                    return None
                response.raise_for_status()
                content = b"".join(response.iter_content(CHUNK))
        except self._requests.HTTPError as error:
            raise self._refused(what, error.response) from None
        except self._requests.RequestException as error:
            raise self.unreachable(error) from None
        return self._read(what, content, read)

    def address(self, uri: str) -> str:
        """Return where a file is retrieved."""
        return f"{self._retrieve}?product_name={quote(uri, safe='')}"

    def get(
        self, uri: str, *, restricted: bool, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Ask for a file; its bytes are left to read.

        The token goes with what is not public, and with nothing else.

        Raises
        ------
        requests.RequestException
            There was no answer.
        """
        url = self.address(uri)
        token = token_for(url) if restricted else ""

        def sign(prepared: Any) -> Any:  # not by headers=, which those of ~/.netrc replace
            if token:
                prepared.headers["Authorization"] = f"token {token}"
            return prepared

        # As the file is, so that sizes and ranges count its bytes.
        asked = {"Accept-Encoding": "identity", **(headers or {})}
        return self._requests.get(url, headers=asked, auth=sign, stream=True, timeout=TIMEOUT)

    @property
    def host(self) -> str:
        """What a sentence calls the server."""
        return self._host

    def unreachable(self, error: Exception) -> LRSExplorerError:
        """Return the error for an archive that gives no answer."""
        late = "Timeout" in type(error).__name__  # of Python, requests or astroquery
        what = "does not answer" if late else "cannot be reached"
        return LRSExplorerError(
            f"the archive MAST ({self._host}) {what}; check the network connection and try again."
        )

    def _answer(
        self, what: str, ask: Callable[[], requests.Response], read: Callable[[Any], T]
    ) -> T:
        """Return what is read from the JSON that answers a request."""
        from astroquery.exceptions import InvalidQueryError
        from astroquery.exceptions import TimeoutError as TookTooLongError

        try:
            response = ask()
            response.raise_for_status()
            content = response.content
        except InvalidQueryError:  # which astroquery raises for an error of the server's, too
            raise LRSExplorerError(
                f"the archive MAST ({self._host}) answers {what} with an error (HTTP 400 or 500); "
                "try again later."
            ) from None
        except self._requests.HTTPError as error:
            raise self._refused(what, error.response) from None
        except (self._requests.RequestException, TookTooLongError, OSError) as error:
            raise self.unreachable(error) from None
        return self._read(what, content, read)

    def _refused(self, what: str, response: requests.Response | None) -> LRSExplorerError:
        status = f"HTTP {response.status_code}" if response is not None else "no answer"
        return LRSExplorerError(
            f"the archive MAST ({self._host}) answers {what} with an error ({status}); try again "
            "later."
        )

    def _read(self, what: str, content: bytes, read: Callable[[Any], T]) -> T:
        try:
            return read(json.loads(content))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            wrong = "with something that is not JSON, such as a page that says what is wrong"
        except (AttributeError, KeyError, TypeError, ValueError):
            wrong = "in a way that is not understood"
        raise LRSExplorerError(
            f"the archive MAST ({self._host}) answers {what} {wrong}; try again later."
        )


def token_for(url: str) -> str:
    """Return the token that may be sent to an address; "" where there is none.

    It is taken from the environment each time and kept nowhere.

    Raises
    ------
    LRSExplorerError
        What stands there is no token.
    """
    token = os.environ.get(TOKEN, "").strip()
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise LRSExplorerError(
            f"{TOKEN} is no token (it has spaces or other characters that no token has); "
            f"{TOKEN_HELP}."
        )
    address = urlsplit(url)
    secret = address.scheme == "https" or address.hostname in ("127.0.0.1", "localhost", "::1")
    return token if secret else ""


def _fileset(row: Any) -> Fileset:
    observation = str(row.get("observtn") or "").strip()
    return Fileset(
        name=str(row["fileSetName"]).strip(),
        observation=int(observation) if observation.isdecimal() else None,
        exp_type=str(row.get("exp_type") or "").strip().upper(),
    )
