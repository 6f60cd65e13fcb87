// The discrete Fourier transform, the periodogram, and the periods that stand out of it.
// Cost: n log n for any n. Thread safety: pure functions.
// Tested by tests/host/statistics_spectrum_test.cpp.
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace tidegauge {

/// X[j] = sum_t x[t] exp(-2 pi i j t / n) in place; n a power of two (Cooley and Tukey 1965).
void fft_power_of_two(std::vector<std::complex<double>>& x);
/// The same for any n, by a convolution with a chirp (Bluestein 1970).
std::vector<std::complex<double>> dft(std::span<const std::complex<double>> x);

/// One period that stands out.
struct Period {
  double intervals = 0;   ///< its length, interpolated between Fourier frequencies
  double cycles = 0;      ///< how many of it the stretch holds
  double share = 0;       ///< of the detrended variance, at its frequency and the two beside
  double over_background = 0;
  double p_value = 1;     ///< that noise anywhere in this spectrum stands out as far
  std::size_t harmonic_of = 0;  ///< position + 1 of the period in the list that this is a whole part of; 0: of none
};

/// For plots: the largest ordinate and the background of stretches of equal ratio of frequency.
struct SpectrumPoint {
  double frequency = 0;  ///< cycles per interval
  double power = 0, background = 0;
};

struct Spectrum {
  std::size_t values = 0;     ///< that were transformed: an even number
  double fisher_g = 0;        ///< largest ordinate over their sum (Fisher 1929), against white noise
  double fisher_p = 1;
  std::vector<Period> periods;  ///< at most five, strongest first
  std::vector<SpectrumPoint> curve;
};

/// The periodogram |X|^2 / n of the linearly detrended values at the frequencies 1/n ... (n/2 - 1)/n.
///
/// Fisher's g speaks of white noise, which traffic never is. So periods are tested against a background: the
/// log-periodogram's local linear regression on log frequency (window: a factor of 1.5 both ways, at least 16 ordinates;
/// without the ordinate itself and its neighbours), as Vaughan (2005), "A simple test for periodic signals in red noise",
/// does with one straight line for all of it. Under the null an ordinate over the background is exponential; p_value
/// allows for the background's own error and for the number of ordinates. Reported: p_value below 0.01
/// (measured on white, autoregressive, walking and long-memory noise of 128 to 1001 values: 0.5 to 2.5 % of spectra).
/// Empty for fewer than 64 values and for a line without noise.
Spectrum spectrum_of(std::span<const double> values);

/// P(largest of m shares > g) for independent exponential ordinates: Fisher's sum for m <= 40, beyond that
/// 1 - exp(-m (1 - g)^(m - 1)), whose error there is below 0.01.
double fisher_p(double g, std::size_t m);

}  // namespace tidegauge
