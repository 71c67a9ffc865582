"""Rules about mails as they are read: `longplay mail check` holds a template to them.

Their examples are templates, each put into no layout.
"""

from engine.playbook.rule import Rule

_HEAD = (
    '<!doctype html><html><head><meta name="color-scheme" content="light dark"><title>Hi</title>'
    "</head><body><preheader>News</preheader>"
)
_FOOT = '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'


def _rule(name: str, meaning: str, wrong: str, right: str) -> Rule:
    return Rule(name, meaning, _HEAD + wrong + _FOOT, _HEAD + right + _FOOT, "mail")


MAIL_RULES = (
    Rule("mail-clipped", "Gmail shows no more than 102 kB of a page, and hides the end of it: the "
         "unsubscribe link.", place="none"),
    _rule("picture-without-alt", "Many programs show no pictures until asked: their words stand "
          "in for them.", '<img src="https://acme.example/a.png">',
          '<img src="https://acme.example/a.png" alt="Our new office">'),
    _rule("picture-not-secure", "A picture that is fetched without https is not shown, or shown "
          "with a warning.", '<img src="http://acme.example/a.png" alt="A">',
          '<img src="https://acme.example/a.png" alt="A">'),
    _rule("picture-as-data", "A picture that is written into the page as data is not shown by "
          "Gmail.", '<img src="data:image/png;base64,AAAA" alt="A">',
          '<img src="https://acme.example/a.png" alt="A">'),
    _rule("picture-without-address", "A picture that nobody can fetch, or that few can show.",
          '<img src="" alt="A">', '<img src="https://acme.example/a.png" alt="A">'),
    _rule("link-leads-nowhere", "A link without an address, with half of one, or to a place that "
          "is not in the mail.", '<a href="#more">More</a>',
          '<a href="https://acme.example/more">More</a>'),
    _rule("link-without-words", "A link that says nothing cannot be found, by ear least of all.",
          '<a href="https://acme.example/more"></a>',
          '<a href="https://acme.example/more">More</a>'),
    _rule("not-in-mail", "Scripts, forms, frames and style sheets from elsewhere do nothing in a "
          "mail.", "<form><p>Your name?</p></form>",
          '<a href="https://acme.example/form">Your name?</a>'),
    _rule("low-contrast", "Words that stand out too little from what is behind them, in light or "
          "in dark inboxes (WCAG 2: 4.5 to 1).", '<p style="color:#999;background:#fff">Hello</p>',
          '<p style="color:#333;background:#fff">Hello</p>'),
    Rule("no-dark-mode", "A mail that says nothing about dark inboxes gets colors that nobody "
         "chose.", _HEAD.replace('<meta name="color-scheme" content="light dark">', "") + _FOOT,
         _HEAD + _FOOT, "mail"),
    Rule("no-preheader", "Without a preheader, inboxes show whatever words come first.",
         _HEAD.replace("<preheader>News</preheader>", "") + _FOOT, _HEAD + _FOOT, "mail"),
    Rule("no-text", "Who reads the text part finds nothing there: the page is made of pictures.",
         '<!doctype html><html><head><meta name="color-scheme" content="light dark"><title>Hi'
         '</title></head><body><preheader>News</preheader><img src="https://acme.example/a.png" '
         'alt=""></body></html>', _HEAD + _FOOT, "mail"),
    Rule("prints-nothing", "A name that the template prints has no value for the lead that the "
         "mail was looked at for.", place="none"),
    Rule("no-sample", "The mail cannot be made for the lead that it is looked at for.",
         place="none"),
)  # fmt: skip
