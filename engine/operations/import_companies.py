"""Importing companies from a file: rows become companies, known ones are changed, none is erased.

A company is known by its id, else by its domain, else by its name; so the same file imported twice
changes nothing the second time. A row that does not fit goes to the error file with the reason.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError
from engine.operations import published
from engine.operations.edit_companies import put_company_in, typed
from engine.operations.file_language import file_language
from engine.operations.headings import REASON_COLUMN, Headings
from engine.operations.published import Current
from engine.operations.table_files import Row, open_table
from engine.operations.table_import import ImportResult, Progress, Saved, TableImport
from engine.playbook.catalog import COMPANY_FIELDS
from engine.playbook.spelling import did_you_mean
from engine.runtime.fields import FieldTypes
from engine.store.database import Store, Transaction

_CALLED: Mapping[str, str] = {
    "id": "company_id account_id record_id 公司id 公司编号 客户编号",
    "name": "company company_name account account_name organization organisation 公司 公司名称 企业"
    " 企业名称 客户 客户名称 单位 单位名称",
    "domain": "website web_site url company_domain company_domain_name homepage email_domain 域名"
    " 网站 网址 官网 公司网站 公司网址 邮箱域名",
    "owner": "company_owner account_owner owner_name sales_owner 负责人 所有者 跟进人 销售 归属人"
    " 客户负责人",
}

COMPANIES = Headings(
    "company",
    {field.name: field.type for field in COMPANY_FIELDS},
    _CALLED,
    frozenset({"created_at", "version", "domains", "leads", "deals", "open_deals", "open_amounts",
               REASON_COLUMN}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompanyDraft:
    """A row that can be a company; what the row leaves empty is not among its values."""

    values: Mapping[str, object]


def import_companies(
    store: Store,
    path: Path,
    *,
    encoding: str = "",
    ignore_unknown: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Imports a file of companies.

    Args:
        store: where to.
        path: CSV, JSON Lines, JSON or a spreadsheet.
        encoding: the file's encoding, where a person knows it.
        ignore_unknown: whether columns that mean nothing are left out.
        progress: called after each batch.

    Raises:
        InputError: the file cannot be read, or a column means nothing; nothing was imported.
    """
    current = store.read(published.current)
    custom = current.company_fields
    language = file_language(current.workspace)
    with closing(open_table(path, language=language, encoding=encoding)) as table:
        result = ImportResult(encoding=table.encoding)
        fields = None
        if table.headings is not None:
            columns = COMPANIES.mapped(table.headings, custom, ignore_unknown=ignore_unknown)
            result.left_out, fields = columns.left_out, columns.fields

        def read(row: Row) -> CompanyDraft:
            return _draft(row, fields, current, ignore_unknown=ignore_unknown)

        def write(tx: Transaction, drafts: Sequence[CompanyDraft]) -> Saved:
            return _write(tx, drafts, path.name)

        TableImport(store, table, result, read, write).run(path, progress)
    return result


def _draft(
    row: Row, fields: Mapping[str, str] | None, current: Current, *, ignore_unknown: bool
) -> CompanyDraft:
    if row.fault:
        raise InputError(row.fault)
    given: dict[str, object] = {}
    for column, cell in row.cells.items():
        name = (
            fields.get(column)
            if fields is not None
            else _own(column, current.company_fields, ignore_unknown)
        )
        if name is not None and cell not in (None, ""):
            given[name] = cell
    id = given.pop("id", None)
    values = {name: one for name, one in typed(current, given).items() if one is not None}
    if id is None and not values.get("name") and not values.get("domain"):
        raise InputError("nothing says which company this is", help="give it a name or a domain")
    return CompanyDraft({**values, **({"id": _text(id)} if id is not None else {})})


def _own(column: str, custom: FieldTypes, ignore_unknown: bool) -> str | None:
    name = COMPANIES.named(column, custom)
    if name is None and column not in COMPANIES.worked_out and not ignore_unknown:
        raise InputError(
            f"a company has no field '{column[:60]}'",
            help=did_you_mean(column, COMPANIES.known(custom)),
        )
    return name


def _write(tx: Transaction, drafts: Sequence[CompanyDraft], file: str) -> Saved:
    counts: dict[str, int] = {}
    reasons: dict[int, str] = {}
    for place, draft in enumerate(drafts):
        try:
            done = put_company_in(tx, draft.values, actor="import", reason=file)
        except InputError as error:
            reasons[place] = f"{error.message}; {error.help}" if error.help else error.message
            continue
        outcome = "created" if done.created else "updated" if done.changed else "unchanged"
        counts[outcome] = counts.get(outcome, 0) + 1
    return Saved(counts, reasons)


def _text(cell: object) -> str:
    """An id; spreadsheets keep the id 1042 as a number."""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
