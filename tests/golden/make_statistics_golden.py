#!/usr/bin/env python3
"""Writes statistics_golden.txt: what statsmodels, scipy and numpy compute for four short series, which the file holds too.
    pip install statsmodels==0.15.0 scipy==1.17.1 numpy==2.4.6 && python3 tests/golden/make_statistics_golden.py

Lines: "case NAME", then "x" and the values, then a key and its numbers. Where a library leaves a choice, the key's
call below says which was taken.
"""
import pathlib
import warnings

import numpy
import scipy.stats
import statsmodels.api
from statsmodels.tsa.stattools import acf, adfuller, kpss, pacf

HERE = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")


def series():
    random = numpy.random.default_rng(20160109)
    noise = random.normal(size=300)
    ar = numpy.zeros(240)
    for t in range(1, len(ar)):
        ar[t] = 0.7 * ar[t - 1] + noise[t]
    yield "noise", 100 + 10 * noise
    yield "autoregression", 50 + ar
    yield "walk", 1000 + numpy.cumsum(random.normal(size=200))
    yield "lognormal_trend", numpy.exp(3 + 0.6 * random.normal(size=151)) + 0.2 * numpy.arange(151)


def white_periodogram(x):
    t = numpy.arange(len(x))
    residuals = x - numpy.polyval(numpy.polyfit(t, x, 1), t)
    return numpy.abs(numpy.fft.rfft(residuals)[1:len(x) // 2]) ** 2 / len(x)


def figures(x):
    n = len(x)
    yield "moments", [x.mean(), x.var(ddof=1), scipy.stats.skew(x), scipy.stats.kurtosis(x)]
    yield "quantiles", numpy.quantile(x, [0, 0.01, 0.25, 0.5, 0.95, 1], method="linear")
    lags = int(4 * (n / 100) ** (2 / 9))
    fit = statsmodels.api.OLS(x, statsmodels.api.add_constant(numpy.arange(n))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    yield "trend", [fit.params[1], fit.bse[1], lags, fit.pvalues[1]]
    for name, regression in (("level", "c"), ("trend", "ct")):
        result = adfuller(x, regression=regression, autolag="AIC")
        yield "adf_" + name, [result[0], result[1], result[2]]
        result = kpss(x, regression=regression, nlags="auto")
        yield "kpss_" + name, [result[0], result[1], result[2]]
    values, band = acf(x, nlags=40, fft=False, alpha=0.05, bartlett_confint=True)
    yield "acf", values
    yield "acf_band", band[:, 1] - values
    yield "pacf", pacf(x, nlags=40, method="ldb")
    if x.min() > 0:
        transformed, best = scipy.stats.boxcox(x)
        if abs(best) < 2:  # where ours looks
            yield "box_cox", [best, scipy.stats.boxcox_llf(best, x) - scipy.stats.boxcox_llf(1, x)]
    even = x[n % 2:]
    power = white_periodogram(even)
    yield "fisher_g", [power.max() / power.sum()]


def main():
    with open(HERE / "statistics_golden.txt", "w") as out:
        for name, x in series():
            x = numpy.array([float(f"{v:.9g}") for v in x])
            out.write(f"case {name}\nx {' '.join(f'{v:.9g}' for v in x)}\n")
            for key, numbers in figures(x):
                out.write(f"{key} {' '.join(f'{float(v):.12g}' for v in numbers)}\n")


main()
