"""Domains at which anybody can have a mailbox: they say nothing about who a lead works for.

Plain data. The large providers are those of `engine.playbook.providers`; here stand the smaller
ones, internet access providers, those that hand out mailboxes for an hour, and the domains that
stand in examples.
"""

from engine.playbook.providers import PROVIDER_OF

_MORE = """
tom.com vip.tom.com 263.net 263.net.cn eyou.com sogou.com chinaren.com hainan.net 2980.com 163.net
pchome.com.tw hinet.net seed.net.tw kimo.com so-net.net.tw netvigator.com i-cable.com
hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp i.softbank.jp nifty.com
  biglobe.ne.jp ocn.ne.jp excite.co.jp singnet.com.sg starhub.net.sg streamyx.com rediffmail.com
  sify.com indiatimes.com
fastmail.com fastmail.fm hey.com zoho.com zohomail.com zohomail.eu tutanota.com tuta.io tuta.com
  mail.com email.com usa.com post.com hushmail.com duck.com privaterelay.appleid.com mailfence.com
  posteo.de posteo.net runbox.com lycos.com excite.com inbox.com mail.ee
att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com netzero.net
  optonline.net frontier.com windstream.net centurylink.net roadrunner.com rr.com shaw.ca rogers.com
  sympatico.ca telus.net bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz
btinternet.com btopenworld.com sky.com virginmedia.com ntlworld.com talktalk.net blueyonder.co.uk
  tiscali.co.uk eircom.net
free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr t-online.de freenet.de arcor.de
  vodafone.de online.de mailbox.org libero.it virgilio.it tiscali.it alice.it tin.it
  telefonica.net terra.es ono.com sapo.pt ziggo.nl kpnmail.nl planet.nl xs4all.nl
  hetnet.nl home.nl telenet.be skynet.be bluewin.ch sunrise.ch aon.at chello.at telia.com
  comhem.se online.no
wp.pl o2.pl interia.pl onet.pl op.pl gazeta.pl seznam.cz email.cz centrum.cz azet.sk zoznam.sk
  abv.bg mail.bg ukr.net i.ua meta.ua rambler.ru lenta.ru freemail.hu citromail.hu
uol.com.br bol.com.br terra.com.br ig.com.br globo.com prodigy.net.mx hotmail.com.br hotmail.com.ar
mailinator.com guerrillamail.com 10minutemail.com temp-mail.org tempmail.com yopmail.com
  trashmail.com sharklasers.com getnada.com maildrop.cc dispostable.com throwawaymail.com
example.com example.org example.net example.cn
"""

FREE_MAIL = frozenset(PROVIDER_OF) | frozenset(_MORE.split())
"""Domains of mailboxes that anybody can have."""

_NOBODYS = """
na none null nil no test testing unknown private personal individual freelance freelancer
selfemployed student retired unemployed home myself me self
无 没有 个人 个体 个体户 自由职业 自由职业者 学生 待业 退休 测试 保密 未知 不详 暂无
"""

NOBODYS = frozenset(_NOBODYS.split())
"""What people write for a company when they have none, folded."""
