#include <utility>
#include <vector>

#include "kernels/binning/batch_columns.hpp"
#include "kernels/binning/binning.hpp"
#include "kernels/binning/interval_counter.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

template <class T>
using Vector = std::vector<T>;

class CpuBatchCounter final : public PacketBatchCounter {
 public:
  explicit CpuBatchCounter(const BatchShape& shape) {
    batch_ = *columns_.reserve(shape, [](auto& column, std::size_t count) { return column.resize(count), Status{}; });
  }

  PacketBatch& batch() override { return batch_; }

  Status submit() override {
    for (std::uint32_t r = 0; r < batch_.run_count; ++r) {
      const BatchRun& run = batch_.runs[r];
      const std::uint32_t end = r + 1 < batch_.run_count ? batch_.runs[r + 1].first : batch_.packets;
      TG_REQUIRE(run.first <= end && end <= batch_.packets, "runs follow each other");
      TG_REQUIRE(run.row < batch_.row_k.size(), "a run adds to a row of the batch");
      if (run.first != end) count_run(run.first, end, batch_.row_k[run.row]);
    }
    batch_.clear();
    return {};
  }

  Expected<CountedRows> take() override {
    keyed_bytes_ = 0;
    return CountedRows{counter_.take(), std::exchange(keyed_, {})};
  }
  std::size_t keyed_bytes() const override { return keyed_bytes_; }

 private:
  void count_run(std::uint32_t first, std::uint32_t end, std::int64_t k) {
    counter_.enter(k);
    for (std::uint32_t i = first; i < end; ++i)
      counter_.count({batch_.lengths[i] & 0xffff, batch_.lengths[i] >> 16, batch_.bits[i]});
    if (batch_.room.dimensions != 0 || batch_.room.distinct) count_keys(first, end, k);
  }

  void count_keys(std::uint32_t first, std::uint32_t end, std::int64_t k) {
    KeyedRow run;
    for (std::uint32_t d = 0; d < batch_.room.dimensions; ++d)
      for (std::uint32_t i = first; i < end; ++i)
        run.counts.push_back({d, batch_.keys_of(d)[i], 1, batch_.lengths[i] & 0xffff});
    normalise(run.counts);
    for (std::uint32_t i = first; batch_.room.distinct && i < end; ++i)
      for (const std::size_t which : {KeyedRow::sources, KeyedRow::destinations}) {
        const auto entry = static_cast<Hll::Entry>(batch_.addresses[i] >> 32 * which);
        if (Hll::rank_of(entry) != 0) run.addresses[which].raise(Hll::place_of(entry), Hll::rank_of(entry));
      }
    keyed_bytes_ += run.counts.size() * sizeof(KeyCount);
    for (const Hll& sketch : run.addresses) keyed_bytes_ += sketch.bytes_held();
    if (!run.empty()) keyed_[k] += std::move(run);
  }

  BatchColumns<Vector> columns_;
  PacketBatch batch_;
  IntervalCounter counter_;
  KeyedRows keyed_;
  std::size_t keyed_bytes_ = 0;
};

}  // namespace

std::unique_ptr<PacketBatchCounter> make_batch_counter_cpu(const BatchShape& shape) {
  return std::make_unique<CpuBatchCounter>(shape);
}

}  // namespace tidegauge
