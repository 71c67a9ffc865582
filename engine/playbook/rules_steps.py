"""Rules about steps and the way through them."""

from engine.playbook.rule import Rule

STEP_RULES = (
    Rule("unknown-step", "No verb of this name.", "- sned: welcome", "- email: welcome"),
    Rule("not-a-step", "A step is a verb with its argument.", "- welcome", "- email: welcome"),
    Rule("two-verbs", "One item of the list has two verbs.", "- email: welcome\n  wait: 2 days",
         "- email: welcome\n- wait: 2 days"),
    Rule("unknown-option", "The verb has no option of this name, or it stands elsewhere.",
         "- email: welcome\n  subjct: Hi", "- email: welcome\n  subject: Hi"),
    Rule("not-yet-supported", "A part of the language that this version does not run yet.",
         "sources: {baidu: {cost: 5000 per month}}", place="workspace"),
    Rule("no-steps", "A list of steps was begun and left empty.",
         "- if: lead.score > 1\n  then:", "- if: lead.score > 1\n  then: []"),
    Rule("missing-value", "Something must stand behind the colon.", "- wait:", "- wait: 2 days"),
    Rule("missing-key", "A key that cannot be left out.", "- wait_for: email.clicked",
         "- wait_for: page.viewed\n  up_to: 3 days"),
    Rule("wrong-type", "A mapping, a list or text where another is asked for.",
         "- email: [welcome]", "- email: welcome"),
    Rule("bad-name", "A name has letters, digits, `-`, `_` and `.`, and no spaces.",
         "- email: welcome\n  id: my mail", "- email: welcome\n  id: my-mail"),
    Rule("bad-number", "Not a number, or one with commas.", "- repeat: {times: three}\n  steps: "
         "[{wait: 1 day}]", "- repeat: {times: 3}\n  steps: [{wait: 1 day}]"),
    Rule("bad-flag", "`true` or `false`, and nothing that might mean them.",
         "- stage: mql\n  force: yes", "- stage: mql\n  force: true"),
    Rule("bad-duration", "A length of time that cannot be read, or in two ways: `4 m`.",
         "- wait: 4 m", "- wait: 4 minutes"),
    Rule("bad-gathering", "Notices are gathered for a length, until the `morning`, or until a time "
         "of day.",
         "- notify: owner\n  message: Look\n  every: 2 business hours",
         "- notify: owner\n  message: Look\n  every: 1 hour"),
    Rule("bad-time", "A time that cannot be read.", "- wait: {until: soonish o'clock}",
         "- wait: {until: next monday 09:00}"),
    Rule("bad-hours", "Days or hours that cannot be read.",
         "- email: welcome\n  window: {days: mon-fry}",
         "- email: welcome\n  window: {days: mon-fri}"),
    Rule("bad-language", "A language tag is `en`, or `zh-CN`.",
         "- email: welcome\n  subject: {chinese: 你好}", "- email: welcome\n  subject: {zh: 你好}"),
    Rule("bad-wait", "A wait is for a length, or until a time; `wait_for` is for an event.",
         "- wait: {}", "- wait: 2 days"),
    Rule("bad-case", "A case of `choose` is `{if, steps}`; the last may be `{else}`.",
         "- choose:\n    - if: lead.score > 1", "- choose:\n    - if: lead.score > 1\n      "
         "steps: [{tag: a}]"),
    Rule("bad-repeat", "A loop has one of `times`, `while` and `until`.",
         "- repeat: {}\n  steps: [{wait: 1 day}]",
         "- repeat: {times: 2}\n  steps: [{wait: 1 day}]"),
    Rule("bad-url", "The address of a call: its host is written there or in a `${NAME}`, never in "
         "a template, and no password stands in it.",
         "- webhook: https://{{ lead.company }}.example.com/hook",
         "- webhook: https://crm.example.com/leads/{{ lead.id }}"),
    Rule("bad-header", "A header that cannot be sent, or that Longplay sets itself.",
         "- webhook: https://crm.example.com/leads\n  headers: {Host: other.example.com}",
         "- webhook: https://crm.example.com/leads\n  headers: {X-Team: sales}"),
    Rule("body-not-sent", "A GET has no body: what is written there would go nowhere.",
         "- webhook: https://crm.example.com/leads\n  method: GET\n  json: {a: 1}",
         "- webhook: https://crm.example.com/leads\n  json: {a: 1}"),
    Rule("secret-in-the-clear", "A password or key is written into a file that is shared, kept in "
         "the database and shown: name a variable instead.",
         "- webhook: https://crm.example.com/leads\n  headers: {Authorization: Bearer 3f1c9b7a}",
         "- webhook: https://crm.example.com/leads\n"
         "  headers: {Authorization: 'Bearer ${CRM_TOKEN}'}"),
    Rule("bad-assignment", "`assign` takes a rule, or `{to: OWNER}`.", "- assign: {}",
         "- assign: {to: li.wei}"),
    Rule("bad-weight", "A weight is a number above zero; shares are of the sum of all weights.",
         "- split: offer\n  arms:\n    a: {weight: 0, steps: [{tag: a}]}\n"
         "    b: {weight: 50, steps: []}",
         "- split: offer\n  arms:\n    a: {weight: 50, steps: [{tag: a}]}\n"
         "    b: {weight: 50, steps: []}"),
    Rule("one-arm", "A split needs two arms; one of them may do nothing.",
         "- split: offer\n  arms:\n    a: {weight: 50, steps: [{tag: a}]}",
         "- split: offer\n  arms:\n    a: {weight: 90, steps: [{tag: a}]}\n"
         "    none: {weight: 10, steps: []}"),
    Rule("bad-winner", "A sample has one record for every arm at least.",
         "- split: offer\n  arms:\n    a: {weight: 1, steps: [{email: welcome}]}\n"
         "    b: {weight: 1, steps: []}\n"
         "  winner: {by: order.placed, within: 2 days, sample: 1}",
         "- split: offer\n  arms:\n    a: {weight: 1, steps: [{email: welcome}]}\n"
         "    b: {weight: 1, steps: []}\n"
         "  winner: {by: order.placed, within: 2 days, sample: 400}"),
    Rule("duplicate-split", "Two splits of one playbook have the same name, and so the same arms.",
         "- split: offer\n  arms: {a: {weight: 1, steps: []}, b: {weight: 1, steps: []}}\n"
         "- split: offer\n  arms: {a: {weight: 1, steps: []}, b: {weight: 1, steps: []}}",
         "- split: offer\n  arms: {a: {weight: 1, steps: []}, b: {weight: 1, steps: []}}\n"
         "- split: offer-again\n"
         "  arms: {a: {weight: 1, steps: []}, b: {weight: 1, steps: []}}"),
    Rule("winner-without-mail", "A winner by what happens to a mail, where no mail is sent.",
         "- split: offer\n  arms: {a: {weight: 1, steps: [{tag: a}]}, b: {weight: 1, steps: []}}\n"
         "  winner: {by: email.clicked, within: 2 days, sample: 400}",
         "- split: offer\n  arms: {a: {weight: 1, steps: [{tag: a}]}, b: {weight: 1, steps: []}}\n"
         "  winner: {by: email.clicked, within: 2 days, sample: 400}\n- email: welcome"),
    Rule("arm-without-mail", "A winner by what happens to a mail, and an arm that sends none: a "
         "hold-out would always lose.",
         "- split: offer\n  arms: {a: {weight: 1, steps: [{email: welcome}]}, "
         "none: {weight: 1, steps: []}}\n"
         "  winner: {by: email.clicked, within: 2 days, sample: 400}",
         "- split: offer\n  arms: {a: {weight: 1, steps: [{email: welcome}]}, "
         "none: {weight: 1, steps: []}}\n"
         "  winner: {by: order.placed, within: 2 days, sample: 400}"),
    Rule("on-error-without-effect", "A step that only decides where to go on cannot fail.",
         "- if: lead.score > 1\n  on_error: continue\n  then: [{email: welcome}]",
         "- if: lead.score > 1\n  then: [{email: welcome, on_error: continue}]"),
    Rule("points-without-sign", "Points are added or taken; the sign says which.", "- score: 10",
         "- score: +10"),
    Rule("duplicate-id", "Two steps have the same id.", "- tag: a\n  id: x\n- tag: b\n  id: x",
         "- tag: a\n  id: x\n- tag: b\n  id: y"),
    Rule("unreachable-step", "No way through the playbook leads here.",
         "- end: done\n- email: welcome", "- email: welcome\n- end: done"),
    Rule("case-never-reached", "Whoever meets this case of `choose` met an earlier one as well.",
         "- choose:\n    - if: lead.score > 20\n      steps: [{tag: a}]\n"
         "    - if: lead.score > 60\n      steps: [{tag: b}]",
         "- choose:\n    - if: lead.score > 60\n      steps: [{tag: b}]\n"
         "    - if: lead.score > 20\n      steps: [{tag: a}]"),
    Rule("stage-goes-backward", "Leads move forward in the lifecycle; backward needs a word more.",
         "- stage: visitor", "- stage: visitor\n  force: true"),
    Rule("event-never-comes", "The event cannot happen here: no mail goes before, or it is not "
         "tracked.", "- wait_for: email.clicked\n  up_to: 1 day\n- email: welcome",
         "- email: welcome\n- wait_for: email.clicked\n  up_to: 1 day"),
    Rule("never-saved", "`run.saved.NAME` is what a step saved under that name; none does.",
         "- if: run.saved.answer.amount > 5\n  then: [{tag: a}]",
         "- wait_for: order.placed\n  up_to: 1 day\n  save: answer\n"
         "- if: run.saved.answer.amount > 5\n  then: [{tag: a}]"),
    Rule("over-cap", "On the quickest way through the playbook more marketing mails are due than "
         "a cap lets go. A wait until a moment counts as a day, clicks as coming at once.",
         "- email: welcome\n- email: offer\n  data: {price: '1'}\n"
         "- email: welcome-again\n- wait: 1 hour\n- email: welcome\n  subject: The fourth",
         "- email: welcome\n- wait: 2 days\n- email: welcome-again"),
    Rule("expires-before-window", "The mail expires sooner than its window opens again, so that "
         "some leads never get it. Holidays make the gap longer still.",
         "- email: welcome\n  window: {days: mon-fri, hours: '09:00-18:00'}\n  expires: 1 day",
         "- email: welcome\n  window: {days: mon-fri, hours: '09:00-18:00'}\n  expires: 4 days"),
    Rule("many-rows", "One enrollment may leave more rows in the step log than anyone will read.",
         "- repeat: {times: 1000}\n  steps: [{tag: a}, {wait: 1 hour}]",
         "- repeat: {times: 30}\n  steps: [{tag: a}, {wait: 1 day}]"),
    Rule("loop-without-wait", "A loop that never rests would run as fast as it can.",
         "- tag: a\n  id: x\n- goto: x", "- tag: a\n  id: x\n- wait: 1 day\n- goto: x"),
    Rule("unknown-goto", "`goto` names a step of its own or an enclosing list.",
         "- wait: 1 day\n- goto: nowhere", "- wait: 1 day\n  id: here\n- goto: here"),
    Rule("from-without-email", "`from` names a step that sends a mail.",
         "- email: welcome\n  id: hello\n- wait_for: email.clicked\n  from: helo\n  up_to: 1 day",
         "- email: welcome\n  id: hello\n- wait_for: email.clicked\n  from: hello\n"
         "  up_to: 1 day"),
    Rule("unknown-template", "No mail template of this name.", "- email: welcom",
         "- email: welcome"),
    Rule("template-syntax", "A template or a text with `{{ }}` that cannot be read.",
         '- task: "Call {{ lead.email }"', '- task: "Call {{ lead.email }}"'),
    Rule("email-without-subject", "Neither the step nor the template says a subject.",
         "- email: bare\n  as: transactional", "- email: bare\n  as: transactional\n  subject: Hi"),
    Rule("email-without-unsubscribe", "Marketing mail must show the way out.",
         "- email: bare\n  subject: Hi", "- email: bare\n  subject: Hi\n  as: transactional"),
    Rule("email-without-address", "Marketing mail to some countries must carry the sender's postal "
         "address.", "playbook: case\nenroll: {when: [manual], if: lead.country == 'US'}\n"
         "steps:\n  - email: welcome",
         "playbook: case\nenroll: {when: [manual], if: lead.country == 'CH'}\n"
         "steps:\n  - email: welcome", "file"),
    Rule("opens-without-consent", "Some countries ask for a consent of its own before anybody "
         "looks who opened a mail.",
         "playbook: case\nenroll: {when: [manual], if: lead.country == 'DE'}\n"
         "steps:\n  - email: welcome\n    track: {opens: true}",
         "playbook: case\nenroll: {when: [manual], if: lead.country == 'DE'}\n"
         "steps:\n  - email: welcome\n    track: {opens: consent}", "file"),
    Rule("asks-as-marketing", "A mail that asks for a consent must not wait for that consent: "
         "where the workspace looks at consents, it is no marketing."),
    Rule("data-not-given", "A template prints a value of `data:` that the step does not give.",
         "- email: priced", "- email: priced\n  data: {price: 12}"),
    Rule("unknown-file", "A file to attach, or a picture in a mail, that is not in "
         "`templates/email`.", "- email: welcome\n  attach: price.pdf",
         "- email: welcome\n  attach: prices.pdf"),
    Rule("file-not-sendable", "Mail servers refuse a mail with a program in it; and what is read "
         "as a template is no file to send.", "- email: welcome\n  attach: setup.exe",
         "- email: welcome\n  attach: prices.pdf"),
    Rule("mail-too-heavy", "The files of a mail are more than many servers take: 5 MB each, 7 MB "
         "together.", "- email: welcome\n  attach: film.mp4",
         "- email: welcome\n  data: {film: 'https://acme.example/film'}"),
    Rule("two-texts", "A notice is a text or a mail template; of two, one would never be read.",
         "- notify: owner\n  message: Hi\n  template: welcome", "- notify: owner\n  message: Hi"),
    Rule("may-be-missing", "A value that some records lack is printed without thinking of that.",
         '- task: "Call {{ lead.first_name }}"',
         "- task: \"Call {{ lead.first_name | default('the lead') }}\""),
    Rule("name-as-text", "A text field that holds the name of a field, not its value.",
         "- set: {segment: lead.plan}", "- update: {segment: lead.plan}"),
    Rule("unknown-topic", "A topic that the workspace does not name.",
         "- email: welcome\n  topic: product-tip", "- email: welcome\n  topic: product-tips"),
    Rule("unknown-calendar", "A calendar that the workspace does not define.",
         "- wait: 1 business day\n  calendar: cnn", "- wait: 1 business day\n  calendar: cn"),
    Rule("unknown-event", "An event that is neither built in nor declared.",
         "- wait_for: page.view\n  up_to: 1 day", "- wait_for: page.viewed\n  up_to: 1 day"),
    Rule("unknown-field", "A field that the record does not have.", "- set: {segmnt: a}",
         "- set: {segment: a}"),
    Rule("field-not-settable", "A field that has a step of its own, or that Longplay keeps.",
         "- set: {stage: mql}", "- stage: mql"),
    Rule("no-deal-here", "A deal is known with `for: deal`, and behind a `deal:` step.",
         "- stage: b2b.proposal", "- deal: {name: Licenses}\n- stage: b2b.proposal"),
    Rule("unknown-pipeline", "A pipeline that the workspace does not have.",
         "- deal: {pipeline: b2c}", "- deal: {pipeline: b2b}"),
    Rule("unknown-stage", "A stage of no lifecycle or pipeline.", "- stage: mqll",
         "- stage: mql"),
    Rule("unknown-score", "A score that no scoring playbook keeps.", "- score: +1\n  name: fitt",
         "- score: +1"),
    Rule("unknown-rule", "An assignment rule that the workspace does not define.",
         "- assign: new-lead", "- assign: new-leads"),
    Rule("unknown-pool", "A pool that the workspace does not define.",
         "- release: cn-pol", "- release: cn-pool"),
    Rule("unknown-owner", "An owner that the workspace does not name.",
         "- assign: {to: li.wie}", "- assign: {to: li.wei}"),
    Rule("unknown-channel", "A person or channel that the workspace does not name.",
         "- notify: sales-rom\n  message: Hi", "- notify: sales-room\n  message: Hi"),
    Rule("unknown-playbook", "No playbook of this name.", "- leave: othr", "- leave: other"),
    Rule("enrolls-itself", "A playbook that starts itself would never end.", "- enroll: case",
         "- enroll: other"),
)  # fmt: skip
