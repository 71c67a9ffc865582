"""The large mailbox providers, by the domains that addresses have with them: plain data.

A provider goes by the name of its first domain, as people write it in `sender.destinations`. A
domain that is not in the list is a destination of its own; whose servers take its mail is not
looked up.
"""

from collections.abc import Mapping

_DOMAINS = """
gmail.com googlemail.com
outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es
  outlook.fr outlook.de outlook.es outlook.it outlook.jp outlook.kr outlook.sg outlook.in
  outlook.com.br outlook.com.au live.co.uk live.fr live.de live.it live.nl live.cn live.hk live.jp
  live.com.sg windowslive.com passport.com
yahoo.com ymail.com rocketmail.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca
  yahoo.co.in yahoo.in yahoo.com.br yahoo.com.au yahoo.com.hk yahoo.com.tw yahoo.com.sg
  yahoo.com.mx yahoo.com.ar aol.com aim.com verizon.net
icloud.com me.com mac.com
qq.com vip.qq.com foxmail.com
163.com 126.com yeah.net vip.163.com vip.126.com 188.com
sina.com sina.cn sina.com.cn vip.sina.com vip.sina.com.cn
sohu.com vip.sohu.com
139.com
189.cn 21cn.com
wo.cn
aliyun.com
yahoo.co.jp
naver.com
proton.me protonmail.com pm.me
gmx.net gmx.de gmx.com gmx.at gmx.ch web.de
mail.ru bk.ru inbox.ru list.ru
yandex.ru yandex.com ya.ru
orange.fr wanadoo.fr
comcast.net
"""


def _by_domain() -> Mapping[str, str]:
    lines = _DOMAINS.strip().replace("\n  ", " ").splitlines()
    return {domain: line.split()[0] for line in lines for domain in line.split()}


PROVIDER_OF = _by_domain()
"""Domain → the provider's name."""


def destination_of(address: str) -> str:
    """Where mail to an address or domain goes: a provider's name, or the domain itself."""
    domain = address.rpartition("@")[2].strip().lower().rstrip(".")
    return PROVIDER_OF.get(domain, domain)
