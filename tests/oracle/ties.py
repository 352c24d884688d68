# SPDX-License-Identifier: Apache-2.0
"""Is another kept set the same up to ties?

Two correct programs differ in the last bits of a score, so an entry on the edge of the budget may fall either way.
"On the edge" means: within `rel` (relative) of the score at the cut. Everything else is a difference.
"""

from resources import SKETCH_DIM

REL = 1e-5
NEAR_SINGULAR = 1e-3


def tie_width(spec, n_tokens, rel=REL):
    """Leverage of hardly more keys than the sketch has columns: the Gram matrix is singular or nearly, and what rounding
    leaves of the keys' last bits comes out a hundred times larger."""
    few = n_tokens <= 2 * SKETCH_DIM
    return NEAR_SINGULAR if few and ("leverage(" in spec or "compactor(" in spec) else rel


def edge(value, rel):
    return rel * max(abs(float(value)), 1e-30)


def verdict(ours, layer, rel=REL):
    """ours: per head positions; layer: LayerResult -> ("identical" | "tied" | "different", reason)."""
    if ours == layer.kept:
        return "identical", ""
    if sum(map(len, ours)) != sum(map(len, layer.kept)):
        return "different", f"counts {[len(h) for h in ours]} against {[len(h) for h in layer.kept]}"
    if layer.scores is None:
        reasons = [unsure_reason(layer, head, set(mine)) for head, mine in enumerate(ours)]
    elif layer.second is not None and not layer.joint:
        reasons = [two_stage_reason(layer, head, set(mine), rel) for head, mine in enumerate(ours)]
    else:
        reasons = [one_stage_reason(layer, head, set(mine), rel) for head, mine in enumerate(ours)]
    reason = next((r for r in reasons if r), "")
    return ("different", reason) if reason else ("tied", "")


def unsure_reason(layer, head, mine):
    """Empty when only positions differ that shaken scores decide either way."""
    differ = mine ^ set(layer.kept[head])
    sure = differ - set(layer.unsure[head] if layer.unsure else [])
    return f"head {head}: {sorted(sure & mine)} instead of {sorted(sure - mine)}" if sure else ""


def one_stage_reason(layer, head, mine, rel):
    """Empty when every entry that only one side kept has the score of a cut: the head's own or the layer's."""
    theirs, scores = layer.kept[head], layer.scores[head]
    if len(mine) != len(theirs) and not layer.joint:
        return f"head {head}: {len(mine)} kept, expected {len(theirs)}"
    cuts = [float(scores[theirs].min())] if theirs else []
    if layer.joint:
        cuts.append(min(float(layer.scores[h][k].min()) for h, k in enumerate(layer.kept) if k))
    for position in sorted(mine ^ set(theirs)):
        score = float(scores[position])
        if not any(abs(score - cut) <= edge(cut, rel) for cut in cuts):
            return f"head {head} position {position}: score {score:.7g}, cut {cuts[0]:.7g}"
    return ""


def two_stage_reason(layer, head, mine, rel):
    """CriticalKV: a tie in stage one changes who competes in stage two, so both stages are replayed."""
    first, second = layer.inner[head].tolist(), layer.second[head].tolist()
    if len(mine) != len(layer.kept[head]):
        return f"head {head}: {len(mine)} kept, expected {len(layer.kept[head])}"
    cut = sorted(first, reverse=True)[layer.n_first - 1]
    sure = {p for p, s in enumerate(first) if s > cut + edge(cut, rel)}
    maybe = {p for p, s in enumerate(first) if abs(s - cut) <= edge(cut, rel)}
    if not sure <= mine:
        return f"head {head}: stage one's {sorted(sure - mine)} are missing"
    # Count the weakest of the tied ones as chosen by stage one: the reading most favourable to the kept set.
    n_tied = layer.n_first - len(sure)
    tied = sorted(maybe & mine, key=lambda p: second[p])[:n_tied]
    if len(tied) < n_tied:
        return f"head {head}: {n_tied} of stage one's cut {sorted(maybe)} are expected, {sorted(tied)} kept"
    rest, dropped = mine - sure - set(tied), set(range(len(first))) - mine
    if rest and dropped:
        low, high = min(second[p] for p in rest), max(second[p] for p in dropped)
        if low < high - edge(high, rel):
            return f"head {head}: kept a score of {low:.7g}, dropped one of {high:.7g}"
    return ""


def cut_scores(layer):
    """Per head the smallest score that was kept."""
    return [float(layer.scores[h][k].min()) if k else None for h, k in enumerate(layer.kept)]


def tied_positions(layer, rel=REL):
    """Per head the positions within `rel` of the cut, when some of them were kept and some were not."""
    cuts, result = cut_scores(layer), []
    joint = min(c for c in cuts if c is not None)
    for head, kept in enumerate(layer.kept):
        at = {c for c in (cuts[head], joint if layer.joint else None) if c is not None}
        scores = layer.scores[head].tolist()
        near = {p for p, s in enumerate(scores) if any(abs(s - c) <= edge(c, rel) for c in at)}
        split = 0 < len(near & set(kept)) < len(near) or (layer.joint and len(near) > 1)
        result.append(sorted(near) if split else [])
    return result
