// The sinks without a file: their rows against the definitions, on every clock, packed and counted.
#include "ingest/sinks/count_sink.hpp"

#include <string>
#include <vector>

#include "ingest/sinks/pack_sink.hpp"
#include "kernels/core/random.hpp"
#include "tests/oracle/naive_counts.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/packets.hpp"
#include "tests/random_clocks.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using oracle::Event;
using namespace test;
constexpr std::int64_t second = 1'000'000'000;

/// Events with packets behind the records, and their counts as the oracles see them.
struct Trace {
  std::vector<Event> events;
  std::vector<Bytes> packets;  // one a record
};

Trace random_trace(RandomStream& random, std::uint64_t model, std::size_t n) {
  Trace trace{random_events(random, model, n), {}};
  for (Event& event : trace.events) {
    if (event.kind != Event::Kind::record) continue;
    const Bytes payload = zeros(random.below(1400));
    const Bytes transport =
        random.below(2) ? tcp(static_cast<int>(random.below(256)), payload) : udp(5, 6, payload);
    const int protocol = transport.size() >= 20 && transport[12] == 0x50 ? 6 : 17;
    trace.packets.push_back(random.below(3) ? eth(0x0800, ipv4(protocol, transport))
                                            : eth(0x86dd, ipv6(protocol, transport)));
    const Bytes& bytes = trace.packets.back();
    const auto wire = static_cast<std::uint32_t>(bytes.size());
    const auto facts = oracle::NaiveDecoder::decode({0, wire, wire, bytes.data(), LinkType::ethernet});
    event.counts = oracle::row_of_packet(facts, wire);
    event.filtered = false;  // these sinks count every record
  }
  return trace;
}

template <class Sink>
void feed(Sink& sink, const Trace& trace, std::size_t first, std::size_t last) {
  std::size_t packet = 0;
  for (std::size_t i = 0; i < last; ++i) {
    const Event& event = trace.events[i];
    if (event.kind == Event::Kind::record) {
      const Bytes& bytes = trace.packets[packet++];
      const auto n = static_cast<std::uint32_t>(bytes.size());
      if (i < first) continue;
      sink.packet({event.ts_ns, n, n, bytes.data(), LinkType::ethernet});
      sink.captured(n);  // as a walker does
    } else if (i < first) {
      continue;
    } else if (event.kind == Event::Kind::refusal) {
      sink.refuse(event.why, event.number, event.bytes);
    } else {
      sink.lost(event.number);
    }
  }
}

void expect_whole(const Trace& trace, std::int64_t interval_ns, const PartialSeries& closed,
                  IntervalRows rows, const std::string& where) {
  const oracle::WholeCapture whole = oracle::count_whole(trace.events, interval_ns);
  std::erase_if(rows, [](const auto& item) { return item.second == IntervalRow{}; });
  ASSERT_EQ(rows, whole.rows) << where;
  RecordAccount account = whole.account;
  for (const Bytes& packet : trace.packets) account.captured_bytes += packet.size();
  ASSERT_EQ(closed.account(), account) << where;
  ASSERT_EQ(closed.first_ns(), whole.first_ns) << where;
  ASSERT_EQ(closed.last_kept_ns(), whole.last_ns) << where;
}

struct Collected {
  IntervalRows rows;
  RowPortions portions;
  explicit Collected(std::size_t limit)
      : portions(limit, [this](const IntervalRows& portion) {
          return add_rows(rows, IntervalRows(portion)), Status{};
        }) {}
};

TEST(CountSink, EveryClockEqualsTheDefinitions) {
  constexpr std::uint64_t seed = 21;
  RandomStream random(seed, 0);
  for (int round = 0; round < 1'000; ++round) {
    const std::uint64_t model = random.below(clock_models);
    const Trace trace = random_trace(random, model, random.below(40));
    const std::int64_t interval_ns = random.below(2) ? second : 86'400 * second;
    const auto where = "seed " + std::to_string(seed) + " round " + std::to_string(round) + " model " +
                       std::to_string(model);
    Collected collected(random.below(2) ? 3 : 1'000);
    const std::size_t split = random.below(trace.events.size() + 1);
    CountSink left(interval_ns, collected.portions), right(interval_ns, collected.portions);
    feed(left, trace, 0, split);
    feed(right, trace, split, trace.events.size());
    PartialSeries capture = left.finish();
    capture.merge(right.finish());
    capture.close();
    add_rows(collected.rows, capture.take_rows());
    expect_whole(trace, interval_ns, capture, collected.rows, where);
    if (HasFatalFailure()) return;
  }
}

CounterPool cpu_pool(const BatchShape& shape) {
  std::vector<std::shared_ptr<Backend>> devices;
  devices.push_back(make_cpu_backend(1));
  return {std::move(devices), shape, 1};
}

TEST(PackSink, EveryClockEqualsTheDefinitionsAtAwkwardBatchSizes) {
  constexpr std::uint64_t seed = 22;
  RandomStream random(seed, 0);
  for (int round = 0; round < 1'000; ++round) {
    const std::uint64_t model = random.below(clock_models);
    const std::size_t sizes[] = {0, 1, 31, 32, 33, 64, 65, 40};
    const Trace trace = random_trace(random, model, sizes[random.below(8)]);
    const std::int64_t interval_ns = random.below(2) ? second : second / 1000;
    const auto where = "seed " + std::to_string(seed) + " round " + std::to_string(round) + " model " +
                       std::to_string(model);
    Collected collected(random.below(2) ? 3 : 1'000);
    BatchShape shape{.packets = 32};
    if (random.below(2)) shape.runs = 5, shape.rows = 4;
    CounterPool pool = cpu_pool(shape);
    PackSink sink(interval_ns, pool, collected.portions);
    feed(sink, trace, 0, trace.events.size());
    PartialSeries capture = sink.finish();
    capture.close();
    add_rows(collected.rows, capture.take_rows());
    ASSERT_TRUE(collected.portions.status());
    expect_whole(trace, interval_ns, capture, collected.rows, where);
    if (HasFatalFailure()) return;
  }
}

// Intervals at both ends of representable time, where the end of an interval is no number.
TEST(CountSink, TimesAtTheEndsOfRepresentableTime) {
  for (const std::int64_t edge :
       {std::numeric_limits<std::int64_t>::max() - 5, std::numeric_limits<std::int64_t>::min()}) {
    Trace trace;
    for (std::int64_t i = 0; i < 6; ++i) {
      Event event;
      event.ts_ns = edge + i;
      const Bytes packet = eth(0x0800, ipv4(6, tcp(2)));
      event.counts = oracle::row_of_packet({Transport::tcp, IpFamily::v4, 2, false, false, 40}, 54);
      trace.events.push_back(event);
      trace.packets.push_back(packet);
    }
    Collected collected(1'000);
    CountSink sink(second, collected.portions);
    feed(sink, trace, 0, trace.events.size());
    PartialSeries capture = sink.finish();
    capture.close();
    expect_whole(trace, second, capture, capture.take_rows(), std::to_string(edge));
  }
}

TEST(CountSink, ARefusedPortionIsAnErrorAtTheEnd) {
  RowPortions portions(1, [](const IntervalRows&) -> Status {
    return Error{"the disk is full", "here", "", ErrorKind::failed};
  });
  portions.hand_over(IntervalRows{});
  EXPECT_TRUE(portions.status());
  portions.hand_over({{1, IntervalRow{}}});
  portions.fail({"later", "", ""});
  ASSERT_FALSE(portions.status());
  EXPECT_EQ(portions.status().error().what, "the disk is full");
}

}  // namespace
}  // namespace tidegauge
