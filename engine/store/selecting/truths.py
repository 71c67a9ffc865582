"""From the checked tree to a WHERE: what holds, in SQL, exactly where the closures say it holds.

NULL stands for false until something negates it; only then is COALESCE written, so that plain
comparisons keep their indexes.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from engine.playbook.conditions.comparing import ORDERS
from engine.playbook.conditions.compiled import condition
from engine.playbook.conditions.patterns import plain_alternatives
from engine.playbook.conditions.tree import (
    Choice,
    Comparison,
    Items,
    Literal,
    Logic,
    Name,
    Node,
    Not,
    Test,
)
from engine.store.selecting import numbers, times
from engine.store.selecting.asking import Asking
from engine.store.selecting.letters import is_settled, same_for_patterns
from engine.store.selecting.reading import Reader, folded
from engine.store.selecting.values import (
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
    text_literal,
)

_TURNED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIGNS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LONGEST = 1_000
_NOUGHT: Sql = sa.literal_column("0")
_NOWHERE = _NOUGHT


class Truths:
    """Says whether the nodes of one condition hold."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.reader = Reader(asking, self.of)
        self._within: list[str] = []

    def of(self, node: Node) -> Truth:
        """Whether the node holds.

        Raises:
            NotInSql: it runs in Python.
        """
        match node:
            case Comparison():
                return self._chain(node)
            case Logic(operator=operator, terms=terms):
                every = [self.of(term) for term in terms]
                join = sa.and_ if operator == "and" else sa.or_
                may_be_null = any(each.may_be_null for each in every)
                return Truth(join(*(each.sql for each in every)), may_be_null)
            case Not(operand=operand):
                return Truth(sa.not_(self.of(operand).strict), may_be_null=False)
            case Test():
                found = self._test(node)
                return _negated(found) if node.negated else found
            case Choice():
                holds = self.of(node.condition).sql
                then, otherwise = self.of(node.then), self.of(node.otherwise)
                return Truth(sa.case((holds, then.sql), else_=otherwise.sql))
            case Name(path=("segment", name)) if name in self.asking.segments:
                return self._segment(name)
            case _:
                return self._is_something(self.reader.plain(node))

    def _segment(self, name: str) -> Truth:
        if name in self._within:
            raise NotInSql(f"the segment '{name}', which names itself")
        self._within.append(name)
        try:
            return self.of(condition(self.asking.segments[name]).tree)
        finally:
            self._within.pop()

    def _is_something(self, value: Value) -> Truth:
        """A value alone as a condition: 0, empty text and the like are false."""
        match value:
            case Missing():
                return _NEVER
            case Truth():
                return value
            case Written(literal=literal):
                return _constant(bool(literal.value))
            case Text(sql=sql):
                return Truth(sql != sa.literal(""))
            case Folded(of=of):
                return Truth(of(frozenset()) != sa.literal(""))
            case Whole(sql=sql) | Number(sql=sql) | Length(sql=sql):
                return Truth(sql != _NOUGHT)
            case Texts(sql=sql):
                return Truth(self.asking.speech.size(sql) > _NOUGHT)
            case Switch(sql=sql):
                return Truth(sql.is_(sa.true()), may_be_null=False)
            case Day(sql=sql) | Moment(sql=sql):
                return Truth(sql.is_not(None), may_be_null=False)
            case Elapsed():
                raise NotInSql("an elapsed time alone")

    def _chain(self, node: Comparison) -> Truth:
        pairs = []
        left = node.first
        for operator, right in node.rest:
            if operator in ("in", "not in"):
                pairs.append(self._membership(left, right, operator == "in"))
            else:
                one, other = self.reader.value(left), self.reader.value(right)
                pairs.append(self.compare(operator, one, other))
            left = right
        if len(pairs) == 1:
            return pairs[0]
        return Truth(sa.and_(*(each.sql for each in pairs)))

    def compare(self, order: str, one: Value, other: Value) -> Truth:
        """`one order other`, as `conditions.comparing.compare` has it."""
        if isinstance(one, Missing) or isinstance(other, Missing):
            return _NEVER
        if isinstance(one, Elapsed) or isinstance(other, Elapsed):
            return self._elapsed(order, one, other)
        if isinstance(other, Written):
            if isinstance(one, Written):
                return _constant(ORDERS[order](one.literal.value, other.literal.value))
            return self._with_written(order, one, other)
        if isinstance(one, Written):
            return self._with_written(_TURNED[order], other, one)
        if isinstance(one, Folded) or isinstance(other, Folded):
            raise NotInSql("text in another case beside text that is not written")
        if isinstance(one, Whole | Number) and isinstance(other, Whole | Number):
            return numbers.compare(order, one, other)
        return self._of_one_sort(order, one, other)

    def _of_one_sort(self, order: str, one: Value, other: Value) -> Truth:
        match one, other:
            case Text(), Text():
                return self._texts(order, one.sql, other.sql)
            case (Truth() | Switch(), Truth() | Switch()):
                if order not in ("==", "!="):
                    return _NEVER
                return _compared(order, _boolean(one), _boolean(other))
            case (
                (Day(sql=left), Day(sql=right))
                | (Moment(sql=left), Moment(sql=right))
                | (Length(sql=left), Length(sql=right))
            ):
                return _compared(order, left, right)
            case Day(), Moment(is_now=True):
                return _compared(order, one.sql, times.today(self.asking))
            case Moment(is_now=True), Day():
                return _compared(order, times.today(self.asking), other.sql)
            case (Day() | Moment(), Day() | Moment()):
                raise NotInSql("a date beside a moment that is not written")
            case Texts(), Texts():
                raise NotInSql("two lists beside each other")
            case _:
                return _NEVER  # values of different kinds compare with nothing

    def _elapsed(self, order: str, one: Value, other: Value) -> Truth:
        if isinstance(other, Elapsed) and not isinstance(one, Elapsed):
            return self._elapsed(_TURNED[order], other, one)
        number = numbers.written_number(other)
        if isinstance(one, Elapsed) and number is not None:
            return times.elapsed_beside(self.asking, one, order, number)
        counted = [
            times.counted(self.asking, each) if isinstance(each, Elapsed) else each
            for each in (one, other)
        ]
        return self.compare(order, *counted)

    def _with_written(self, order: str, value: Value, written: Written) -> Truth:
        literal = written.literal
        match value:
            case Text(sql=sql):
                return self._texts(order, sql, text_literal(written.text))
            case Folded():
                return self._folded_equals(order, value, written.text)
            case Day(sql=sql) if literal.moment is not None:
                day = literal.moment
                text = (
                    times.date_of(self.asking, day)
                    if isinstance(day, datetime)
                    else sa.literal(day.isoformat(), sa.Text)
                )
                return _compared(order, sql, text)
            case Moment(sql=sql) if literal.moment is not None:
                if isinstance(literal.moment, datetime):
                    at = times.literal_moment(self.asking, literal.moment)
                    return _compared(order, sql, at)
                return times.moment_beside_date(self.asking, order, value, literal.moment)
            case Length(sql=sql) if literal.length is not None:
                return _compared(order, sql, times.length_literal(literal.length))
            case _:
                return _NEVER

    def _texts(self, order: str, one: Sql, other: Sql) -> Truth:
        if order not in ("==", "!="):
            one = self.asking.speech.ordered(one)
        return _compared(order, one, other)

    def _folded_equals(self, order: str, value: Folded, text: str) -> Truth:
        if order not in ("==", "!="):
            raise NotInSql("the order of text in another case")
        return _compared(order, self._settled(value, [text]), text_literal(text))

    def _settled(self, value: Folded, texts: Sequence[str]) -> Sql:
        change = value.change
        if not all(is_settled(text, change) for text in texts):
            raise NotInSql(f"a text that is not in {change} case itself")
        return value.of(frozenset("".join(texts)))

    def _membership(self, left: Node, container: Node, wanted: bool) -> Truth:
        found = self.reader.plain(left)
        if isinstance(found, Missing):
            return _NEVER
        if isinstance(container, Items):
            texts = _plain_texts(container)
            if texts is not None:
                return self._among_texts(found, texts, wanted)
            return self._among(found, container, wanted)
        within = self.reader.plain(container)
        match within:
            case Missing():
                return _NEVER
            case Texts(sql=sql):
                return self._in_list(found, sql, wanted)
            case Text() | Written() | Folded():
                return self._in_text(found, within, wanted)
            case _:
                return _NEVER

    def _among_texts(self, found: Value, texts: Sequence[str], wanted: bool) -> Truth:
        match found:
            case Written(literal=literal):
                return _constant((literal.value in texts) is wanted)
            case Text(sql=sql):
                pass
            case Folded():
                sql = self._settled(found, texts)
            case _:
                return _NEVER
        options = [text_literal(text) for text in texts]
        return Truth(sql.in_(options) if wanted else sql.not_in(options))

    def _among(self, found: Value, container: Items, wanted: bool) -> Truth:
        pairs = [self.compare("==", found, self.reader.plain(item)) for item in container.items]
        among = sa.or_(sa.false(), *(pair.strict for pair in pairs))
        if wanted:
            return Truth(among, may_be_null=False)
        return Truth(sa.and_(self._is_known(found).sql, sa.not_(among)), may_be_null=False)

    def _in_list(self, found: Value, texts: Sql, wanted: bool) -> Truth:
        if not isinstance(found, Text | Written):
            raise NotInSql("a list that something else than text is looked for in")
        text = found.sql if isinstance(found, Text) else text_literal(found.text)
        has = self.asking.speech.has_text(texts, text)
        if wanted:
            return Truth(has)
        return Truth(sa.and_(texts.is_not(None), text.is_not(None), sa.not_(has)))

    def _in_text(self, found: Value, within: Text | Written | Folded, wanted: bool) -> Truth:
        if not isinstance(found, Text | Written):
            if isinstance(found, Folded):
                raise NotInSql("text in another case that is looked for")
            return _NEVER
        part = found.sql if isinstance(found, Text) else text_literal(found.text)
        if isinstance(within, Folded):
            if not isinstance(found, Written):
                raise NotInSql("text in another case beside text that is not written")
            text = self._settled(within, [found.text])
        else:
            text = within.sql if isinstance(within, Text) else text_literal(within.text)
        place = self.asking.speech.position(text, part)
        return Truth(place > _NOWHERE if wanted else place == _NOWHERE)

    def _test(self, node: Test) -> Truth:
        value = self.reader.value(node.subject)
        if node.name == "defined":
            return self._is_known(value)
        argument = node.arguments[0]
        if node.name == "matching":
            return self._matching(value, argument)
        return self._containing(value, argument)

    def _is_known(self, value: Value) -> Truth:
        match value:
            case Missing():
                return _NEVER
            case Truth() | Written():
                return _constant(True)
            case Folded(of=of):
                return Truth(of(frozenset()).is_not(None), may_be_null=False)
            case Elapsed(subject=subject):
                return Truth(subject.sql.is_not(None), may_be_null=False)
            case _:
                return Truth(value.sql.is_not(None), may_be_null=False)

    def _matching(self, value: Value, pattern: Node) -> Truth:
        if not isinstance(value, Text):
            if isinstance(value, Folded | Written):
                raise NotInSql("'is matching' of changed text")
            return _NEVER
        if not isinstance(pattern, Literal):
            raise NotInSql("'is matching' without a pattern in quotes")
        texts = plain_alternatives(str(pattern.value))
        known = same_for_patterns(texts) if texts is not None else None
        if known is None:
            raise NotInSql(f"'is matching' with the pattern '{pattern.value}'")
        swaps, wanted = known
        text: Sql = sa.func.substr(value.sql, 1, _LONGEST)
        for letter, other in swaps:
            text = sa.func.replace(text, letter, other)
        text = self.asking.speech.ascii_lower(text)
        places = [self.asking.speech.position(text, text_literal(each)) for each in wanted]
        return Truth(sa.or_(*(place > _NOWHERE for place in places)))

    def _containing(self, value: Value, item: Node) -> Truth:
        if not isinstance(value, Text | Texts):
            if isinstance(value, Folded | Written):
                raise NotInSql("'is containing' of changed text")
            return _NEVER
        part = self.reader.value(item)
        if not isinstance(part, Written):
            raise NotInSql("'is containing' with something that is not written")
        wanted = part.text.lower()
        if not is_settled(wanted, "lower"):
            raise NotInSql("letters whose case depends on their neighbors")
        speech, letters = self.asking.speech, frozenset(wanted)

        def fold(text: Sql) -> Sql:
            return folded(speech, text, letters, "lower")

        if isinstance(value, Texts):
            text = text_literal(wanted)
            return Truth(speech.any_text(value.sql, lambda each: fold(each) == text))
        place = speech.position(fold(value.sql), text_literal(wanted))
        return Truth(place > _NOUGHT)


def _compared(order: str, one: Sql, other: Sql) -> Truth:
    compared = one.op(_SIGNS[order], is_comparison=True)(other)
    return Truth(sa.type_coerce(compared, sa.Boolean))


def _constant(holds: bool) -> Truth:
    return Truth(sa.true() if holds else sa.false(), may_be_null=False)


_NEVER = _constant(False)


def _negated(truth: Truth) -> Truth:
    return Truth(sa.not_(truth.strict), may_be_null=False)


def _boolean(value: Truth | Switch) -> Sql:
    return value.strict if isinstance(value, Truth) else value.sql


def _plain_texts(items: Items) -> list[str] | None:
    """The items of a written list, when they are nothing but text (`running._text_constants`)."""
    texts = []
    for item in items.items:
        if not isinstance(item, Literal) or item.moment is not None or item.length is not None:
            return None
        if not isinstance(item.value, str):
            return None
        texts.append(item.value)
    return texts or None
