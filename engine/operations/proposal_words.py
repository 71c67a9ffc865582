"""What proposals say of themselves, in comments: in English, or in Chinese."""

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "drawn": "Suggested from {leads:,} leads, {came:,} of whom came to {outcome}"
    " within {within:g} days ({rate:.1%}).",
    "judged": "Each was judged {after:g} days after it was first known, by what it was and had done"
    " until then.",
    "left": "Left out: {sooner:,} whose outcome came sooner, {young:,} who have not had the time.",
    "check": "Check: weights fitted to the oldest three quarters rank the newest quarter"
    " ({leads:,} leads, {came:,} outcomes) with an area under the curve of {area}.",
    "fitted": "The same weights before rounding to whole points: {area}.",
    "present": "The rules of today, on the same leads: {area}.",
    "true": "Forecast of {forecast:.1%}, and {came:.1%} came; slope {slope:.2f} (1 is right).",
    "luck": "On those leads that is no better than chance: do not publish these rules.",
    "unchecked": "Too few outcomes to hold some back: how well these rules do is not known.",
    "odds": "{points:.0f} points double the odds. {shares}.",
    "share": "{total} points: {chance:.1%} come",
    "rule": "{leads:,} leads, {having:.1%} of them came, {others:.1%} of the others ({lift});"
    " 95 %: {low:+.0f} to {high:+.0f} points",
    "lift": "{times:.1f} times",
    "alone": "never without",
    "unsure": ": it may be nothing",
    "kept": "kept as it was: only {leads:,} leads show it",
    "none": "Less than a point: {names}.",
    "crowded": "Left out, because others say nearly the same, or outcomes are too few for more"
    " rules: {names}.",
    "grade": "{name}: {leads:,} leads, {share:.1%} of them came ({low:.1%} to {high:.1%})",
    "level": "{name}: as many leads reach it within {after:g} days as reached {was:g} by the"
    " rules of today ({share:.1%})",
    "top": "{name}: the {share:.0%} with the most points after {after:g} days;"
    " nobody reached {was:g}",
    "next": "Try it: longplay scoring backtest --file FILE",
    "won": "a won deal",
    "or": " or ",
    "segment": "{leads:,} of {all:,} leads ({share:.1%})",
    "groups": "{k} groups by recency, frequency and amount of {all:,} leads who bought.",
    "clear": "Silhouette {value:.2f}: {word}.",
    "clear-good": "the groups stand clearly apart",
    "clear-fair": "the groups are there, and touch each other",
    "clear-poor": "the groups hardly stand apart: what separates them is more habit than nature",
    "match": "The conditions put {share:.1%} of these leads into the group that they"
    " were found in.",
    "middle": "In the middle: {recency:.0f} days since the last purchase; purchases {frequency:g};"
    " {amount:,.0f} in all",
    "lately": "lately", "long-ago": "long ago", "often": "often", "seldom": "seldom",
    "much": "for much", "little": "for little", "while-ago": "a while ago",
    "now-and-then": "now and then", "something": "for a middling sum",
    "bought": "Bought {recency}, {frequency}, {amount}.",
    "cut": "The thresholds are quantiles of the leads who bought: a third and two thirds.",
}  # fmt: skip

ZH: Mapping[str, str] = {
    "drawn": "依据 {leads:,} 条线索得出，其中 {came:,} 条"
    "在 {within:g} 天内到达 {outcome}（{rate:.1%}）。",
    "judged": "每条线索在首次出现 {after:g} 天后评判一次，只看此前的属性和行为。",
    "left": "未计入：{sooner:,} 条在评判之前已有结果，{young:,} 条时间未满。",
    "check": "检验：用较早的四分之三拟合，在最新的四分之一（{leads:,} 条线索，{came:,} 条有结果）上"
    "的 AUC 为 {area}。",
    "fitted": "取整之前的权重：{area}。",
    "present": "现行规则在同一批线索上：{area}。",
    "true": "预计 {forecast:.1%}，实际 {came:.1%}；校准斜率 {slope:.2f}（1 为准确）。",
    "luck": "在这批线索上不比随机好：请勿发布这些规则。",
    "unchecked": "结果太少，留不出检验样本：规则的效果未知。",
    "odds": "每 {points:.0f} 分，成功的几率（odds）翻一倍。{shares}。",
    "share": "{total} 分：{chance:.1%}",
    "rule": "{leads:,} 条线索，其中 {having:.1%} 有结果，其余为 {others:.1%}（{lift}）；"
    "95 % 区间：{low:+.0f} 到 {high:+.0f} 分",
    "lift": "{times:.1f} 倍",
    "alone": "其余没有",
    "unsure": "：可能没有作用",
    "kept": "保持原样：只有 {leads:,} 条线索符合",
    "none": "不足一分：{names}。",
    "crowded": "未采用（与其他规则几乎相同，或结果太少）：{names}。",
    "grade": "{name}：{leads:,} 条线索，其中 {share:.1%} 有结果（{low:.1%} 到 {high:.1%}）",
    "level": "{name}：{after:g} 天内达到的线索与现行规则达到 {was:g} 分的一样多（{share:.1%}）",
    "top": "{name}：{after:g} 天后分数最高的 {share:.0%}；此前没有线索达到 {was:g} 分",
    "next": "试算：longplay scoring backtest --file FILE",
    "won": "赢单",
    "or": "、",
    "segment": "{all:,} 条线索中的 {leads:,} 条（{share:.1%}）",
    "groups": "按最近一次、次数和金额，把 {all:,} 条买过的线索分成 {k} 组。",
    "clear": "轮廓系数 {value:.2f}：{word}。",
    "clear-good": "各组界限分明",
    "clear-fair": "分组成立，但彼此相邻",
    "clear-poor": "各组几乎不可分，界限多出于人为",
    "match": "按下面的条件，{share:.1%} 的线索落在聚类所在的组。",
    "middle": "居中的线索：距上次购买 {recency:.0f} 天，{frequency:g} 次，共 {amount:,.0f}",
    "lately": "最近", "long-ago": "很久以前", "often": "经常", "seldom": "很少",
    "much": "金额高", "little": "金额低", "while-ago": "前一段时间",
    "now-and-then": "偶尔", "something": "金额中等",
    "bought": "{recency}买过，{frequency}买，{amount}。",
    "cut": "界限取自买过的线索的三分位数。",
}  # fmt: skip


def words(language: str) -> Mapping[str, str]:
    """The texts of a language: Chinese of any kind, or else English."""
    return ZH if language.lower().startswith("zh") else EN
