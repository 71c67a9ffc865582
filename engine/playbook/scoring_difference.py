"""What is said of a score's rules where two versions are compared: a line for each of them."""

from engine.playbook.scoring_plan import Scoring


def said_of(scoring: Scoring | None) -> dict[str, list[str]]:
    """Everything that a score is worked out by: what it is of → a line for each rule or level."""
    if scoring is None:
        return {}
    decay = scoring.decay
    fading = f"half-life {decay.half_life}" if decay.half_life else ""
    if decay.idle:
        fading = f"-{decay.points:g} every {decay.every} when idle for {decay.idle}"
    is_bound = scoring.low is not None and scoring.high is not None
    bounds = [f"{scoring.low:g}..{scoring.high:g}"] if is_bound else []
    limits = [
        f" at most {rule.most:g} per {rule.per}" if rule.most is not None else ""
        for rule in scoring.behavior
    ]
    return {
        "score": [scoring.score],
        "range": bounds,
        "fit": [f"{rule.points:+g} if {rule.cond}" for rule in scoring.fit],
        "behavior": [
            f"{rule.points:+g} {rule.name}{limit}"
            for rule, limit in zip(scoring.behavior, limits, strict=True)
        ],
        "decay": [fading] if fading else [],
        "grade": [f"{one.name} from {one.least:g}" for one in scoring.grades],
        "threshold": [
            f"{one.name} at {one.at:g}" + (f" if {one.cond}" if one.cond else "")
            for one in scoring.thresholds
        ],
    }
