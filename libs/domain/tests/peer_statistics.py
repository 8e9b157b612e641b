"""Writes the table of cases that `statistics_cases.rs` holds the statistics against.

Expected values come from scipy, statsmodels and numpy alone, where they have the method by name; else from an integral or a
root that scipy finds, never from the closed form that the product uses.

    python3 -m venv ENV && ENV/bin/pip install scipy==1.17.1 statsmodels==0.15.0
    ENV/bin/python peer_statistics.py write ../data/statistics_cases.json   # makes the table
    ENV/bin/python peer_statistics.py check ../data/statistics_cases.json   # computes it anew and compares, 9 digits
"""

import hashlib
import hmac
import json
import math
import sys
import uuid

import numpy as np
import statsmodels.api as sm
from scipy import integrate, optimize, special, stats
from statsmodels.stats import multitest, power, proportion

RNG = np.random.default_rng(20261123)


def rounded(values, digits=4):
    return [round(float(value), digits) for value in values]


def sample(low=2, high=40):
    """Values of a length between low and high, from tame to heavy-tailed."""
    size = int(RNG.integers(low, high + 1))
    shape = int(RNG.integers(0, 3))
    if shape == 0:
        return rounded(RNG.normal(RNG.normal(0, 3), RNG.uniform(0.1, 4), size))
    if shape == 1:
        return rounded(RNG.lognormal(0, 1.5, size))
    return rounded(RNG.beta(2, 40, size), 6)


def counts(size=None):
    trials = int(RNG.choice([5, 20, 60, 500, 12_000, 400_000])) if size is None else size
    return [int(RNG.binomial(trials, RNG.uniform(0.01, 0.9))), trials]


def alpha():
    return float(RNG.choice([0.001, 0.01, 0.05, 0.1, 0.3]))


# One function a method: makes an input at random and says what must come of it.


def pooled_z_test():
    treatment, control = counts(), counts()
    treatment[0] = min(max(treatment[0], 1), treatment[1] - 1)
    statistic, p_value = proportion.proportions_ztest([treatment[0], control[0]], [treatment[1], control[1]])
    return {"treatment": treatment, "control": control}, [statistic, p_value]


def pooled_z_test_close():
    trials = int(RNG.integers(200, 20_000))
    rate = RNG.uniform(0.02, 0.6)
    treatment, control = [max(1, int(RNG.binomial(trials, rate))), trials], [int(RNG.binomial(trials, rate)), trials]
    statistic, p_value = proportion.proportions_ztest([treatment[0], control[0]], [trials, trials])
    return {"treatment": treatment, "control": control}, [statistic, p_value]


def wilson_interval():
    data, level = counts(), alpha()
    return {"data": data, "alpha": level}, proportion.proportion_confint(*data, alpha=level, method="wilson")


def newcombe_interval():
    treatment, control, level = counts(), counts(), alpha()
    expected = proportion.confint_proportions_2indep(
        *treatment, *control, method="newcomb", compare="diff", alpha=level
    )
    return {"treatment": treatment, "control": control, "alpha": level}, expected


def welch_test():
    treatment, control, level = sample(), sample(), alpha()
    result = stats.ttest_ind(treatment, control, equal_var=False)
    interval = result.confidence_interval(1 - level)
    expected = [result.statistic, result.df, result.pvalue, interval.low, interval.high]
    return {"treatment": treatment, "control": control, "alpha": level}, expected


def ratio():
    size = int(RNG.integers(3, 40))
    denominator = np.round(RNG.lognormal(6, 1.5, size)) + 1
    numerator = RNG.binomial(denominator.astype(int), 0.05).astype(float)
    leverage = str(RNG.choice(["Hc1", "Hc2", "Hc3"]))
    fit = sm.WLS(numerator / denominator, np.ones(size), weights=denominator).fit(cov_type=leverage.upper())
    given = {"numerator": list(numerator), "denominator": list(denominator), "leverage": leverage}
    return given, [fit.params[0], fit.bse[0] ** 2]


def relative_uplift():
    treatment, control = [RNG.uniform(0.5, 3), RNG.uniform(0.001, 0.02)], [RNG.uniform(1, 2), RNG.uniform(0.001, 0.02)]
    critical = RNG.uniform(1, 3.5)

    def outside(uplift):
        rho = 1 + uplift
        return (treatment[0] - rho * control[0]) ** 2 - critical**2 * (treatment[1] + rho**2 * control[1])

    centre = treatment[0] / control[0] - 1
    ends = [optimize.brentq(outside, centre - 40, centre, xtol=1e-14), optimize.brentq(outside, centre, centre + 400, xtol=1e-14)]
    return {"treatment": treatment, "control": control, "critical": critical}, ends


def covariance():
    size = int(RNG.integers(2, 40))
    x, y = rounded(RNG.normal(1e4, 1, size)), rounded(RNG.lognormal(0, 1, size))
    return {"x": x, "y": y}, [np.mean(x), np.var(x, ddof=1), np.var(y, ddof=1), np.cov(x, y)[0, 1]]


def planned_ratio(level):
    return -special.lambertw(-level * level / math.e, -1).real - 1


def sequence_critical():
    """Waudby-Smith et al., Theorem 2.2, with rho by Lambert's function."""
    level, planned = alpha(), float(RNG.integers(10, 5_000))
    units = planned * RNG.uniform(0.02, 1.5)
    rho2 = planned_ratio(level) / planned
    inside = 2 * (units * rho2 + 1) / (units**2 * rho2) * math.log(math.sqrt(units * rho2 + 1) / level)
    return {"alpha": level, "planned": planned, "units": units}, [math.sqrt(inside) * math.sqrt(units)]


def sequence_e_value(sides):
    """The mixture as an integral over the noncentral t's density."""
    level = float(RNG.choice([0.01, 0.025, 0.05]))
    planned = float(RNG.integers(10, 500))
    units = planned * RNG.uniform(0.1, 1.2)
    degrees = float(RNG.integers(3, 60))
    statistic = RNG.uniform(-1, 4.5) if sides == "One" else RNG.uniform(-4.5, 4.5)
    spread = math.sqrt(planned_ratio(level if sides == "Two" else 2 * level) / planned * units)
    low, factor = (0.0, 2.0) if sides == "One" else (-9 * spread, 1.0)

    def integrand(noncentrality):
        return stats.nct.pdf(statistic, degrees, noncentrality) * stats.norm.pdf(noncentrality, 0, spread)

    value, _ = integrate.quad(integrand, low, 9 * spread, epsabs=1e-15, epsrel=1e-11, limit=500, points=[0.0, statistic])
    error = RNG.uniform(0.01, 3)
    given = {
        "alpha": level,
        "sides": sides,
        "planned": planned,
        "units": units,
        "value": statistic * error,
        "variance": error**2,
        "degrees_of_freedom": degrees,
    }
    return given, [factor * value / stats.t.pdf(statistic, degrees)]


def sequence_e_value_two_sided():
    return sequence_e_value("Two")


def sequence_e_value_one_sided():
    return sequence_e_value("One")


def sequence_critical_one_sided():
    """The statistic at which the half-normal mixture reaches 1/alpha, normal case."""
    level, planned = float(RNG.choice([0.01, 0.025, 0.05])), float(RNG.integers(10, 5_000))
    units = planned * RNG.uniform(0.05, 1.5)
    spread = math.sqrt(planned_ratio(2 * level) / planned * units)

    def log_e(statistic):
        def integrand(mean):
            return math.exp(mean * statistic - mean * mean / 2) * 2 * stats.norm.pdf(mean, 0, spread)

        return math.log(integrate.quad(integrand, 0, 12 + statistic, epsrel=1e-12, limit=300)[0]) + math.log(level)

    return {"alpha": level, "planned": planned, "units": units}, [optimize.brentq(log_e, 0.1, 10, xtol=1e-13)]


def beta_interval():
    a, b, level = float(RNG.lognormal(2, 2.5)) + 0.5, float(RNG.lognormal(5, 4)) + 0.5, alpha()
    return {"a": a, "b": b, "alpha": level}, stats.beta.interval(1 - level, a, b)


def student_interval():
    values, level = sample(), alpha()
    mean, sd = RNG.normal(0, 1), RNG.uniform(0.1, 3)
    size, average = len(values), np.mean(values)
    # Gelman et al., section 3.3, with the prior of one unit.
    strength, degrees = 1 + size, 3 + size
    squares = sd**2 + np.sum((values - average) ** 2) + size / strength * (average - mean) ** 2
    interval = stats.t.interval(1 - level, degrees, (mean + size * average) / strength, math.sqrt(squares / degrees / strength))
    return {"values": values, "mean": mean, "sd": sd, "alpha": level}, interval


def probability_greater():
    trials = float(RNG.choice([3, 30, 1_000, 30_000, 2_000_000]))
    rate = RNG.uniform(0.02, 0.7)
    first = [1 + round(trials * rate), 1 + round(trials * (1 - rate))]
    rate += RNG.normal(0, 1.2) * math.sqrt(rate * (1 - rate) / trials)
    rate = min(max(rate, 0.01), 0.99)
    second = [1 + round(trials * rate), 1 + round(trials * (1 - rate))]

    def integrand(theta):
        return stats.beta.pdf(theta, *first) * stats.beta.cdf(theta, *second)

    middle, sd = stats.beta.mean(*first), stats.beta.std(*first)
    cuts = [min(max(middle + k * sd, 0.0), 1.0) for k in (-12, -6, -3, -1, 0, 1, 3, 6, 12)]
    pieces = [integrate.quad(integrand, *cut, epsabs=1e-14, epsrel=1e-12)[0] for cut in zip(cuts, cuts[1:])]
    return {"first": first, "second": second}, [sum(pieces)]


def holm():
    p_values, level = rounded(RNG.beta(0.4, 4, int(RNG.integers(1, 10))), 6), alpha()
    rejected, adjusted, _, _ = multitest.multipletests(p_values, alpha=level, method="holm")
    return {"p_values": p_values, "alpha": level}, [*adjusted, *(float(value) for value in rejected)]


def cuped():
    size, width = int(RNG.integers(12, 40)), int(RNG.integers(1, 4))
    arms = RNG.integers(0, 3, size)
    arms[:3] = [0, 1, 2]
    covariates = np.round(RNG.normal(5, 2, (size, width)), 4)
    outcomes = np.round(covariates @ RNG.normal(0, 1, width) + 0.3 * arms + RNG.normal(0, 1, size), 4)
    dummies = np.eye(3)[arms]
    full = sm.OLS(outcomes, np.hstack([dummies, covariates])).fit()
    reduced = sm.OLS(outcomes, dummies).fit()
    given = {"arms": arms.tolist(), "outcomes": outcomes.tolist(), "covariates": covariates.tolist()}
    return given, [*full.params[3:], 1 - full.ssr / reduced.ssr]


def solved(unknown, low, high, goal, **known):
    """statsmodels' power solved for one argument; its own solver stops at five digits."""
    function = power.NormalIndPower().power

    def short(value):
        return function(**{unknown: value}, **known) - goal

    return optimize.brentq(short, low, high, xtol=1e-13, rtol=1e-13)


def units_for_means():
    difference, variances, level, goal = RNG.uniform(0.1, 1), RNG.uniform(0.2, 4, 2), 0.05, float(RNG.choice([0.8, 0.9, 0.95]))
    size = difference / math.sqrt(sum(variances) / 2)
    units = solved("nobs1", 1, 1e8, goal, effect_size=size, alpha=level)
    return {"difference": difference, "variances": list(variances), "alpha": level, "power": goal}, [units]


def units_for_proportions():
    control, level, goal = RNG.uniform(0.01, 0.5), float(RNG.choice([0.01, 0.05])), float(RNG.choice([0.8, 0.9, 0.95]))
    treatment = control + RNG.uniform(0.005, 0.1)
    variance = (treatment * (1 - treatment) + control * (1 - control)) / 2
    units = solved("nobs1", 1, 1e8, goal, effect_size=(treatment - control) / math.sqrt(variance), alpha=level)
    return {"treatment": treatment, "control": control, "alpha": level, "power": goal}, [units]


def detectable_difference_of_means():
    units, variances, level, goal = float(RNG.integers(20, 5_000)), RNG.uniform(0.2, 4, 2), 0.05, float(RNG.choice([0.8, 0.9]))
    size = solved("effect_size", 1e-6, 10, goal, nobs1=units, alpha=level)
    given = {"units": units, "variances": list(variances), "alpha": level, "power": goal}
    return given, [size * math.sqrt(sum(variances) / 2)]


def sample_ratio():
    arms = int(RNG.integers(2, 6))
    weights = RNG.dirichlet(np.full(arms, 4.0))
    truth = RNG.dirichlet(60 * weights)
    counted = RNG.multinomial(int(RNG.choice([20, 200, 3_000])), truth)
    against = stats.dirichlet_multinomial.logpmf(counted, 10 * weights, counted.sum())
    under = stats.multinomial.logpmf(counted, counted.sum(), weights)
    return {"weights": list(weights), "counts": counted.tolist()}, [min(1.0, math.exp(under - against))]


def quantiles():
    tail, degrees = float(RNG.choice([1e-9, 1e-4, 0.01, 0.2, 0.5, 0.9])), float(RNG.choice([0.7, 1, 2.5, 9, 40, 300, 1e5, 1e8]))
    value = RNG.uniform(-6, 9)
    given = {"tail": tail, "degrees_of_freedom": degrees, "value": value}
    return given, [stats.norm.isf(tail), stats.t.isf(tail, degrees), stats.norm.sf(value), stats.t.sf(value, degrees)]


def assignment():
    key, experiment, unit = RNG.bytes(32), uuid.UUID(bytes=RNG.bytes(16)), f"post-{RNG.integers(0, 10**6)}"
    cuts = np.sort(RNG.integers(0, 10_001, 3))
    weights = np.diff([0, *cuts, 10_000]).tolist()
    digest = hmac.new(key, experiment.bytes + unit.encode(), hashlib.sha256).digest()
    bucket = int.from_bytes(digest[:8]) * 10_000 >> 64
    arm = int(np.searchsorted(np.cumsum(weights), bucket, side="right"))
    return {"key": key.hex(), "experiment": str(experiment), "unit": unit, "weights": weights}, [arm, weights[arm]]


METHODS = [
    (pooled_z_test, 8),
    (pooled_z_test_close, 6),
    (wilson_interval, 12),
    (newcombe_interval, 12),
    (welch_test, 14),
    (ratio, 15),
    (relative_uplift, 8),
    (covariance, 6),
    (sequence_critical, 10),
    (sequence_critical_one_sided, 6),
    (sequence_e_value_two_sided, 10),
    (sequence_e_value_one_sided, 10),
    (beta_interval, 14),
    (student_interval, 8),
    (probability_greater, 12),
    (holm, 8),
    (cuped, 8),
    (units_for_means, 6),
    (units_for_proportions, 6),
    (detectable_difference_of_means, 3),
    (sample_ratio, 8),
    (quantiles, 6),
    (assignment, 4),
]


def cases():
    return [
        {"method": method.__name__, "given": given, "expected": [float(value) for value in expected]}
        for method, number in METHODS
        for given, expected in (method() for _ in range(number))
    ]


def close(one, other):
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-300)


def main():
    action, path = sys.argv[1:]
    fresh = json.loads(json.dumps(cases()))
    if action == "write":
        with open(path, "w", encoding="utf-8") as file:
            file.write("[\n" + ",\n".join(json.dumps(case) for case in fresh) + "\n]\n")
        return
    with open(path, encoding="utf-8") as file:
        committed = json.load(file)
    apart = [
        new["method"]
        for old, new in zip(committed, fresh, strict=True)
        if old["method"] != new["method"]
        or old["given"] != new["given"]
        or not all(map(close, old["expected"], new["expected"]))
    ]
    print(json.dumps({"cases": len(fresh), "apart": apart}))
    sys.exit(bool(apart))


if __name__ == "__main__":
    main()
