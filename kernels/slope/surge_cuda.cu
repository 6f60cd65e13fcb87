#include "kernels/slope/surge_cuda.hpp"

#include <algorithm>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_segmented_sort.cuh>
#include <cub/device/device_select.cuh>
#include <cuda/functional>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/reverse_iterator.h>

#include "kernels/device/cub_memory.hpp"
#include "kernels/device/cuda_context.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/slope/surge_kernel.hpp"

namespace tidegauge {

namespace {

using namespace surging;

/// Runs a body on the device: `body(context)`.
template <class Body>
__global__ void __launch_bounds__(block_threads) surge_on_device(Body body) {
  CudaContext context;
  body(context);
}

struct SlopeBody {
  Rows rows;
  double* slopes;
  std::uint32_t* series;
  std::uint64_t *first, *last;
  __device__ void operator()(CudaContext& context) const { slope_rows(context, rows, slopes, series, first, last); }
};
struct OrderBody {
  std::uint64_t count;
  Ordering order;
  std::uint64_t* ordered;
  __device__ void operator()(CudaContext& context) const { order_rows(context, count, order, ordered); }
};
struct MedianBody {
  Rows rows;
  const std::uint64_t* ordered;
  bool scaled;
  double* out;
  __device__ void operator()(CudaContext& context) const { take_medians(context, rows, ordered, scaled, out); }
};
struct ScoreBody {
  std::uint64_t count;
  double* slopes;
  const std::uint32_t* series;
  const double *center, *scale;
  __device__ void operator()(CudaContext& context) const { score_rows(context, count, slopes, series, center, scale); }
};
struct QuantileBody {
  Rows rows;
  const std::uint64_t* ordered;
  double quantile;
  double* thresholds;
  __device__ void operator()(CudaContext& context) const { take_quantiles(context, rows, ordered, quantile, thresholds); }
};
struct RangeBody {
  Strengths of;
  const std::uint64_t* detections;
  std::uint64_t detection_count;
  const std::uint64_t* begins;
  std::uint64_t range_count;
  Surge* ranges;
  __device__ void operator()(CudaContext& context) const {
    make_ranges(context, of, detections, detection_count, begins, range_count, ranges);
  }
};

/// One call's work: everything on one stream, nothing kept.
class SurgeJob {
 public:
  SurgeJob(Surges& out, const SurgeInput& input, const SurgeRule& rule)
      : out_(out),
        input_(input),
        rule_(rule),
        count_(input.points.values.size()),
        series_count_(static_cast<std::uint32_t>(input.begin.size() - 1)) {}
  ~SurgeJob() {
    if (stream_.get()) cudaStreamSynchronize(stream_.get());  // nothing may still use the buffers
  }
  SurgeJob(const SurgeJob&) = delete;
  SurgeJob& operator=(const SurgeJob&) = delete;

  Status run() {
    auto stream = make_cuda_stream();
    if (!stream) return stream.error();
    stream_ = *std::move(stream);
    TG_TRY(copy_in());
    TG_TRY(find_slopes());
    if (rule_.kind == SlopeKind::robust) TG_TRY(make_robust());
    TG_TRY(choose_thresholds());
    for (const bool rising : {true, false})
      if (rising ? rule_.rising : rule_.falling) TG_TRY(find_ranges(rising));
    TG_TRY(copy_out(out_.slopes, slopes_));
    TG_TRY(copy_out(out_.thresholds, thresholds_));
    return finish("finding surges");
  }

 private:
  template <class T>
  Status copy(DeviceBuffer<T>& place, std::span<const T> values) {
    TG_TRY(place.reserve(values.size(), "taking device memory for series"));
    return cuda_status(
        cudaMemcpyAsync(place.data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream_.get()),
        "copying series");
  }
  template <class T>
  Status copy_out(std::vector<T>& to, const DeviceBuffer<T>& from) {
    return cuda_status(
        cudaMemcpyAsync(to.data(), from.data(), to.size() * sizeof(T), cudaMemcpyDeviceToHost, stream_.get()),
        "copying surges");
  }
  Status finish(const char* doing) { return cuda_status(cudaStreamSynchronize(stream_.get()), doing); }

  /// Enough blocks to fill any card; the bodies stride over the rest.
  template <class Body>
  Status launch(std::uint64_t count, const Body& body) {
    constexpr std::uint64_t most_blocks = 4096;
    const std::uint64_t blocks = std::min(most_blocks, (count + block_threads - 1) / block_threads);
    surge_on_device<<<static_cast<unsigned>(blocks), block_threads, 0, stream_.get()>>>(body);
    return cuda_status(cudaGetLastError(), "starting a surge kernel");
  }

  Status copy_in() {
    TG_TRY(copy(values_, input_.points.values));
    TG_TRY(copy(k_, input_.points.k));
    TG_TRY(copy(begin_, input_.begin));
    if (!input_.points.complete.empty()) TG_TRY(copy(complete_, input_.points.complete));
    rows_ = {{values_.data(), k_.data(), complete_.data(), slope_seconds(input_.points.interval_ns),
              rule_.kind == SlopeKind::ratio},
             begin_.data(), count_, series_count_};
    return {};
  }

  Status find_slopes() {
    const char* const memory = "taking device memory for series";
    TG_TRY(slopes_.reserve(count_, memory));
    TG_TRY(series_.reserve(count_, memory));
    TG_TRY(first_.reserve(count_, memory));
    TG_TRY(last_.reserve(count_, memory));
    TG_TRY(launch(count_, SlopeBody{rows_, slopes_.data(), series_.data(), first_.data(), last_.data()}));
    cudaStream_t stream = stream_.get();
    TG_TRY(memory_.run("finding where segments begin", stream_.get(), [&](void* place, std::size_t& bytes) {
      return cub::DeviceScan::InclusiveScan(place, bytes, first_.data(), first_.data(), cuda::maximum<>{}, count_, stream);
    }));
    const auto from_behind = thrust::make_reverse_iterator(last_.data() + count_);
    return memory_.run("finding where segments end", stream_.get(), [&](void* place, std::size_t& bytes) {
      return cub::DeviceScan::InclusiveScan(place, bytes, from_behind, from_behind, cuda::minimum<>{}, count_, stream);
    });
  }

  /// The rows of each series in the order of a quantity.
  Status sort_rows(Quantity quantity) {
    const Ordering order{quantity,       rule_.kind == SlopeKind::ratio, rule_.rising, rule_.falling, slopes_.data(),
                         series_.data(), center_.data()};
    TG_TRY(unordered_.reserve(count_, "taking device memory for sorting"));
    TG_TRY(ordered_.reserve(count_, "taking device memory for sorting"));
    TG_TRY(launch(count_, OrderBody{count_, order, unordered_.data()}));
    return memory_.run("sorting series", stream_.get(), [&](void* place, std::size_t& bytes) {
      return cub::DeviceSegmentedSort::SortKeys(place, bytes, unordered_.data(), ordered_.data(),
                                                static_cast<std::int64_t>(count_), static_cast<std::int64_t>(series_count_),
                                                begin_.data(), begin_.data() + 1, stream_.get());
    });
  }

  Status make_robust() {
    TG_TRY(center_.reserve(series_count_, "taking device memory for medians"));
    TG_TRY(scale_.reserve(series_count_, "taking device memory for medians"));
    TG_TRY(sort_rows(Quantity::slope));
    TG_TRY(launch(series_count_, MedianBody{rows_, ordered_.data(), false, center_.data()}));
    TG_TRY(sort_rows(Quantity::deviation));
    TG_TRY(launch(series_count_, MedianBody{rows_, ordered_.data(), true, scale_.data()}));
    return launch(count_, ScoreBody{count_, slopes_.data(), series_.data(), center_.data(), scale_.data()});
  }

  Status choose_thresholds() {
    if (rule_.threshold) return copy(thresholds_, std::span<const double>(out_.thresholds));
    TG_TRY(thresholds_.reserve(series_count_, "taking device memory for thresholds"));
    TG_TRY(sort_rows(Quantity::strongest));
    return launch(series_count_, QuantileBody{rows_, ordered_.data(), rule_.quantile, thresholds_.data()});
  }

  /// Numbers below `count` of which `asked` is true, ascending, in `chosen`. Waits, because their number decides what
  /// comes next.
  template <class Asked>
  Status select(std::uint64_t& selected, DeviceBuffer<std::uint64_t>& chosen, std::uint64_t count, const Asked& asked) {
    TG_TRY(chosen.reserve(count, "taking device memory for detections"));
    TG_TRY(selected_.reserve(1, "taking device memory for detections"));
    TG_TRY(memory_.run("collecting detections", stream_.get(), [&](void* place, std::size_t& bytes) {
      return cub::DeviceSelect::If(place, bytes, thrust::counting_iterator<std::uint64_t>(0), chosen.data(),
                                   selected_.data(), static_cast<std::int64_t>(count), asked, stream_.get());
    }));
    TG_TRY(cuda_status(
        cudaMemcpyAsync(&selected, selected_.data(), sizeof selected, cudaMemcpyDeviceToHost, stream_.get()),
        "copying the number of detections"));
    return finish("collecting detections");
  }

  Status find_ranges(bool rising) {
    const Strengths of{slopes_.data(), series_.data(), thresholds_.data(),              k_.data(), first_.data(),
                       last_.data(),   rule_.kind == SlopeKind::ratio, rising, rule_.error};
    std::uint64_t detections = 0, ranges = 0;
    TG_TRY(select(detections, detections_, count_, Detected{of}));
    if (detections == 0) return {};
    TG_TRY(select(ranges, begins_, detections, BeginsRange{of, detections_.data()}));
    TG_TRY(ranges_.reserve(ranges, "taking device memory for ranges"));
    TG_TRY(launch(ranges, RangeBody{of, detections_.data(), detections, begins_.data(), ranges, ranges_.data()}));
    std::vector<Surge> found(ranges);
    TG_TRY(copy_out(found, ranges_));
    TG_TRY(finish("making ranges"));
    out_.ranges.insert(out_.ranges.end(), found.begin(), found.end());
    return {};
  }

  Surges& out_;
  const SurgeInput& input_;
  const SurgeRule& rule_;
  std::uint64_t count_;
  std::uint32_t series_count_;
  CudaStream stream_;
  Rows rows_{};
  DeviceBuffer<double> values_, slopes_, center_, scale_, thresholds_;
  DeviceBuffer<std::int64_t> k_;
  DeviceBuffer<std::uint8_t> complete_;
  DeviceBuffer<std::uint64_t> begin_, first_, last_, unordered_, ordered_, detections_, begins_, selected_;
  DeviceBuffer<std::uint32_t> series_;
  DeviceBuffer<Surge> ranges_;
  CubMemory memory_;
};

}  // namespace

Status surges_cuda(Surges& out, const SurgeInput& input, const SurgeRule& rule, int device) {
  require_surge_input(input, rule);
  out.slopes.assign(input.points.values.size(), 0);
  out.thresholds.assign(input.begin.size() - 1, rule.threshold.value_or(__builtin_inf()));
  out.ranges.clear();
  if (out.slopes.empty()) return {};
  TG_TRY(use_device(device));
  return SurgeJob(out, input, rule).run();
}

}  // namespace tidegauge
