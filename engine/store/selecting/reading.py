"""From the checked tree to values in SQL: names, arithmetic and filters.

It means what the closures in `engine.playbook.conditions.running` mean; a property test holds the
two together on both databases. Whatever has no exact equal in SQL is `NotInSql`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from engine.playbook.conditions.tree import (
    Arithmetic,
    Choice,
    Comparison,
    Filter,
    Items,
    Literal,
    Logic,
    Name,
    Negative,
    Node,
    Not,
    Test,
)
from engine.playbook.durations import parse_offset
from engine.store.columns import Instant
from engine.store.selecting import times
from engine.store.selecting.asking import Asking
from engine.store.selecting.letters import BLANKS, Change, replacements
from engine.store.selecting.numbers import arithmetic, double_of, negative
from engine.store.selecting.speech import Speech
from engine.store.selecting.values import (
    EXACT,
    Day,
    Elapsed,
    Folded,
    Length,
    Missing,
    Moment,
    NotInSql,
    Number,
    Sql,
    Switch,
    Text,
    Texts,
    Truth,
    Value,
    Whole,
    Written,
    double_literal,
    text_literal,
    whole_literal,
)

AskTruth = Callable[[Node], Truth]
_SINCE = {
    "days_since": (timedelta(days=1), 1),
    "days_until": (timedelta(days=1), -1),
    "hours_since": (timedelta(hours=1), 1),
    "hours_until": (timedelta(hours=1), -1),
}
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class Reader:
    """Reads the values of one condition.

    Args:
        asking: what is asked.
        truth: whether a node holds; the two modules need each other.
    """

    def __init__(self, asking: Asking, truth: AskTruth) -> None:
        self.asking = asking
        self._truth = truth

    def value(self, node: Node) -> Value:
        """The value of an expression.

        Raises:
            NotInSql: it runs in Python.
        """
        match node:
            case Literal():
                return _constant(node)
            case Name(path=path):
                return self._name(path)
            case Items():
                raise NotInSql("a list that is no place to look in")
            case Arithmetic():
                return self._arithmetic(node)
            case Negative(operand=operand):
                found = self.plain(operand)
                return Length(-found.sql) if isinstance(found, Length) else negative(found)
            case Logic():
                return self._deciding(node)
            case Choice():
                branches = [self.plain(node.then), self.plain(node.otherwise)]
                holds = self._truth(node.condition).sql
                return _alike(branches, lambda sqls: sa.case((holds, sqls[0]), else_=sqls[1]))
            case Filter():
                return self._filter(node)
            case Comparison() | Not() | Test():
                return Truth(self._truth(node).strict, may_be_null=False)

    def plain(self, node: Node) -> Value:
        """The value, an elapsed time as a number."""
        found = self.value(node)
        return times.counted(self.asking, found) if isinstance(found, Elapsed) else found

    def _name(self, path: tuple[str, ...]) -> Value:
        root, *rest = path
        if root == "now":
            return Moment(sa.literal(self.asking.now, Instant()), is_now=True)
        if root == "segment" and rest and rest[0] in self.asking.segments:
            return Truth(self._truth(Name(path)).strict, may_be_null=False)
        if not rest:
            raise NotInSql(f"'{root}' as a whole")
        if root == "owner":
            return self._owner(rest[0])
        record = self.asking.records.get(root)
        return record.value(rest, self.asking.speech) if record is not None else Missing()

    def _owner(self, name: str) -> Value:
        """What is known of the record's owner: the workspace's owners are few."""
        record = self.asking.records[self.asking.main]
        owner = record.value(("owner",), self.asking.speech)
        known = {id: each.get(name) for id, each in self.asking.owners.items()}
        if not isinstance(owner, Text) or not all(
            isinstance(each, str) for each in known.values() if each is not None
        ):
            raise NotInSql(f"'owner.{name}'")
        cases = [
            (owner.sql == text_literal(id), text_literal(each))
            for id, each in known.items()
            if each is not None
        ]
        return Text(sa.case(*cases)) if cases else Missing()

    def _deciding(self, node: Logic) -> Value:
        """`a or b` as a value: the first that is true, else the last."""
        *first, last = [self.plain(term) for term in node.terms]
        holds = [self._truth(term).strict for term in node.terms[:-1]]
        if node.operator == "and":
            holds = [sa.not_(each) for each in holds]

        def chosen(sqls: list[Sql]) -> Sql:
            return sa.case(*zip(holds, sqls, strict=False), else_=sqls[-1])

        return _alike([*first, last], chosen)

    def _arithmetic(self, node: Arithmetic) -> Value:
        one, other = self.plain(node.left), self.plain(node.right)
        if isinstance(one, Missing) or isinstance(other, Missing):
            return Missing()
        if isinstance(one, Whole | Number) and isinstance(other, Whole | Number):
            return arithmetic(node.operator, one, other)
        are_texts = isinstance(one, Text | Written) and isinstance(other, Text | Written)
        if node.operator == "+" and are_texts:
            return Text(_text(one).op("||")(_text(other)))
        if node.operator == "-" and isinstance(one, Moment | Day) and type(one) is type(other):
            return times.difference(self.asking, one, other)
        raise NotInSql(f"'{node.operator}' between values that are no numbers")

    def _filter(self, node: Filter) -> Value:
        name = node.name
        if name in ("count", "last", "sum"):
            return self._history(node)
        if name == "default":
            pair = [self.plain(node.subject), self.plain(node.arguments[0])]
            return _alike(pair, lambda sqls: sa.func.coalesce(*sqls))
        subject = self.plain(node.subject)
        if isinstance(subject, Missing):
            return subject
        if name in _SINCE:
            if isinstance(subject, Moment | Day):
                return Elapsed(subject, *_SINCE[name])
        elif name in ("plus", "minus"):
            return self._shifted(subject, node.arguments[0], 1 if name == "plus" else -1)
        elif name == "length" and isinstance(subject, Text | Texts):
            size = self.asking.speech.size if isinstance(subject, Texts) else sa.func.length
            return Whole(sa.cast(size(subject.sql), sa.BigInteger), 2**31)
        elif isinstance(subject, Text):
            if name == "domain" and subject.is_address:
                return Text(_after_last(subject.sql, sa.literal("@")))
            return self._changed(name, subject.sql)
        raise NotInSql(f"'| {name}' of such a value")

    def _changed(self, name: str, text: Sql) -> Value:
        speech = self.asking.speech
        if name == "trim":
            return Text(speech.trim(text, sa.literal(BLANKS)))
        if name == "domain":
            bare = speech.trim(text, sa.literal(BLANKS))
            return Folded(
                "lower", lambda letters: domain(speech, folded(speech, bare, letters, "lower"))
            )
        change: Change = "upper" if name == "upper" else "lower"
        return Folded(change, lambda letters: folded(speech, text, letters, change))

    def _shifted(self, subject: Value, by: Node, sign: int) -> Value:
        length = parse_offset(str(by.value)) if isinstance(by, Literal) else None
        if length is None or length.is_business or length.months:
            raise NotInSql("a time moved by months")
        if isinstance(subject, Day):
            days = sign * (timedelta(days=length.days) + length.exact) // timedelta(days=1)
            return Day(self.asking.speech.day_later(subject.sql, days))
        if isinstance(subject, Moment) and not length.days:
            moved = self.asking.speech.later(subject.sql, sign * length.exact)
            first, last = (sa.literal(each, Instant()) for each in (_FIRST, _LAST))
            return Moment(sa.case((moved.between(first, last), moved)))
        raise NotInSql("a moment moved by days of the lead's calendar")

    def _history(self, node: Filter) -> Value:
        asking = self.asking
        event, *rest = [
            each.value if isinstance(each, Literal) else None for each in node.arguments
        ]
        is_lead = isinstance(node.subject, Name) and node.subject.path == ("lead",)
        if asking.events is None or asking.history is None or not is_lead:
            raise NotInSql(f"'| {node.name}'")
        events, columns = asking.events, asking.events.c
        name = rest.pop(0) if node.name == "sum" and rest else None
        where = [columns.lead == asking.history, columns.name == text_literal(str(event))]
        if rest:
            length = parse_offset(str(rest[0]))
            where.append(columns.at >= times.within(asking, length.days, length.exact))

        def look(what: Sql) -> Sql:
            query = sa.select(what).select_from(events).where(*where)
            return query.correlate_except(events).scalar_subquery()

        if node.name == "last":
            return Moment(look(sa.func.max(columns.at)))
        if node.name == "count":
            return Whole(look(sa.func.count()), EXACT)
        text_literal(str(name))
        return Number(look(asking.speech.total(columns.properties, str(name))), is_worked_out=True)


def folded(speech: Speech, text: Sql, letters: frozenset[str], change: Change) -> Sql:
    """`text` in lower (or upper) case, as far as these letters are concerned."""
    for letter, changed in replacements(letters, change):
        text = sa.func.replace(text, letter, changed)
    return speech.ascii_upper(text) if change == "upper" else speech.ascii_lower(text)


def domain(speech: Speech, text: Sql) -> Sql:
    """The domain of an address or a URL in lower case; NULL without one (`filters.domain`)."""
    none, at = sa.literal(""), sa.literal("@")
    mark = sa.literal("://")
    rest = sa.func.substr(text, speech.position(text, mark) + 3)
    for sign in "?#":
        rest = sa.func.replace(rest, sign, "/")
    host = _before(speech, _after_last(_before(speech, rest, "/"), at), ":")
    return sa.case(
        (speech.position(text, mark) > 0, sa.func.nullif(host, none)),
        (speech.position(text, at) > 0, sa.func.nullif(_after_last(text, at), none)),
    )


def _before(speech: Speech, text: Sql, sign: str) -> Sql:
    found = speech.position(text.op("||")(sa.literal(sign)), sa.literal(sign))
    return sa.type_coerce(sa.func.substr(text, 1, found - 1), sa.Text)


def _after_last(text: Sql, sign: Sql) -> Sql:
    """What follows the last `sign`: all that is no sign is taken off the end, and counted."""
    others = sa.func.replace(text, sign, "")
    begins = sa.func.length(sa.func.rtrim(text, others)) + 1
    return sa.type_coerce(sa.func.substr(text, begins), sa.Text)


def _constant(node: Literal) -> Value:
    match node.value:
        case None:
            return Missing()
        case bool() as value:
            return Truth(sa.literal(value, sa.Boolean), may_be_null=False)
        case int() as value:
            return whole_literal(value)
        case float() as value:
            return Number(double_literal(value), is_double=True)
        case str():
            return Written(node)
        case _:
            raise NotInSql("such a constant")


def _text(value: Value) -> Sql:
    if isinstance(value, Written):
        return text_literal(value.text)
    return _sql(value)


def _alike(values: list[Value], combine: Callable[[list[Sql]], Sql]) -> Value:
    """One of several values: they must be of one sort.

    Raises:
        NotInSql: they are not.
    """
    values = [_undated(each) for each in values]
    sorts = {type(each) for each in values if not isinstance(each, Missing)}
    if sorts == {Whole, Number}:
        values = [Number(double_of(each)) if isinstance(each, Whole) else each for each in values]
        sorts = {Number}
    if sorts == {Truth, Switch}:
        sorts = {Switch}
    if len(sorts) != 1:
        raise NotInSql("a choice between values of different kinds")
    sqls = [sa.null() if isinstance(each, Missing) else _sql(each) for each in values]
    return _like(sorts.pop(), values, combine(sqls))


def _like(sort: type[Value], values: list[Value], sql: Sql) -> Value:
    if sort is Whole:
        return Whole(sql, max(each.bound for each in values if isinstance(each, Whole)))
    if sort is Number:
        numbers = [each for each in values if isinstance(each, Number)]
        return Number(
            sql,
            is_double=all(each.is_double for each in numbers),
            is_worked_out=any(each.is_worked_out for each in numbers),
        )
    if sort in (Text, Day, Moment, Switch, Length, Texts):
        return sort(sql)
    if sort is Truth:
        return Switch(sql)
    raise NotInSql("a choice between such values")


def _undated(value: Value) -> Value:
    """A written text that can be nothing else is text."""
    if isinstance(value, Written):
        if value.literal.moment is not None or value.literal.length is not None:
            raise NotInSql("a choice with a text that may be a time")
        return Text(text_literal(value.text))
    return value


def _sql(value: Value) -> Sql:
    if isinstance(value, Truth):
        return value.strict
    if isinstance(value, Missing | Written | Folded | Elapsed):
        raise NotInSql("a choice between such values")
    return value.sql
