"""The text part that is made from HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.plaintext import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Hi</h1><p>one\n  two</p><p>three</p>", "Hi\n\none two\n\nthree"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<p>a <b>bold</b>, <i>it</i></p>", "a bold, it"),
        ('<a href="https://x.example/?a=1&amp;b">go</a>', "go (https://x.example/?a=1&b)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="#top">top</a> <a>none</a>', "top none"),
        ('<a href="https://x.example"><img src="x" alt="Logo"></a>', "Logo (https://x.example)"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<table><tr><td>1</td><td>a</td></tr><tr><td>2</td></tr></table>", "1 a\n2"),
        ("<div><div><div>deep</div></div></div><div>next</div>", "deep\nnext"),
        ("<style>p{}</style><script>x</script><title>t</title><p>x</p><!-- c -->", "x"),
        ('<div style="display:none">preheader</div><p>x</p>', "x"),
        ("<p>a&nbsp;b &lt;c&gt; 李伟</p>", "a b <c> 李伟"),
        ("<p>a</p><hr><p>b</p>", "a\n\n--\n\nb"),
        ("", ""),
    ],
)
def test_html_is_told_as_a_person_would_type_it(html: str, text: str) -> None:
    assert text_of(html) == text + "\n"


@given(st.text(max_size=200) | st.text("<>/abp \n&;='\"", max_size=200))
def test_any_html_can_be_told(html: str) -> None:
    assert text_of(html).endswith("\n")


def test_a_page_nested_without_end_is_cut_off() -> None:
    assert "x" not in text_of("<div>" * 5000 + "x")
