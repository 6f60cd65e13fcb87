// Runs a kernel body on the host, a fiber per CUDA thread, block after block, under a schedule of the test's choice.
// A fiber runs until it meets a barrier or a collective; so a schedule decides who is far ahead of whom, which is what
// a missing barrier depends on. Shared memory starts as garbage. Reported as errors: a barrier or collective that some
// threads never reach, threads that have left before others' barrier, lanes in different collectives.
// Not modelled: memory ordering, races between two barriers of one warp's lanes (thread_block.hpp and the thread
// sanitizer see those), speed. `greedy` notices every barrier that the tests take away; the other schedules some.
// No exception is thrown on a fiber's stack (the address sanitizer does not know these stacks): a thread that breaks a
// rule is parked for ever, and its block is given up without unwinding. Bodies are device code, which has no
// destructors that this could skip.
#pragma once

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/device/kernel_context.hpp"

namespace tidegauge::test {

enum class Schedule {
  forward,  ///< thread 0 first
  reverse,  ///< the last thread first
  random,   ///< a new order each round
  greedy,   ///< one warp, drawn at random, as far as it goes, before any other
};
inline constexpr Schedule all_schedules[] = {Schedule::forward, Schedule::reverse, Schedule::random,
                                             Schedule::greedy};

/// The body broke a rule of the machine: a deadlock on a GPU, or undefined there.
struct KernelFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FiberBlock {
 public:
  FiberBlock(std::uint32_t block, std::uint32_t blocks, std::uint32_t threads, std::size_t shared_bytes,
             Schedule schedule, std::mt19937_64& random)
      : block_(block),
        blocks_(blocks),
        schedule_(schedule),
        random_(random),
        shared_(shared_bytes / 8 + 1, garbage),
        stacks_(std::make_unique_for_overwrite<std::byte[]>(threads * stack_bytes)),
        states_(threads, State::ready),
        inside_(threads),
        exchanges_(threads) {
    if (threads == 0 || threads % warp_size != 0) throw KernelFault("a block is whole warps");
  }

  /// Runs `body(context)` in every thread to its end.
  template <class Body>
  void run(Body&& body);

  class Context {
   public:
    Context(FiberBlock& block, std::uint32_t thread) : block_(block), thread_(thread) {}
    std::uint32_t thread() const { return thread_; }
    std::uint32_t block() const { return block_.block_; }
    std::uint32_t block_threads() const { return static_cast<std::uint32_t>(block_.states_.size()); }
    std::uint32_t blocks() const { return block_.blocks_; }
    std::uint32_t lane() const { return thread_ % warp_size; }
    void sync() { block_.pause(thread_, State::at_barrier); }
    template <class T>
    T* shared() {
      return reinterpret_cast<T*>(block_.shared_.data());
    }
    void add_shared(AtomicCount* place, AtomicCount value) { *place += value; }
    void add(AtomicCount* place, AtomicCount value) { *place += value; }
    void raise(std::uint32_t* place, std::uint32_t value) { *place = std::max(*place, value); }
    std::uint32_t ballot(bool answer) {
      const std::uint32_t* of = exchange(Collective::ballot, answer);
      std::uint32_t answers = 0;
      for (std::uint32_t l = 0; l < warp_size; ++l) answers |= of[l] << l;
      return answers;
    }
    std::uint32_t shuffle(std::uint32_t value, std::uint32_t from) {
      if (from >= warp_size) block_.give_up(thread_, "shuffle from a lane that does not exist");
      return exchange(Collective::shuffle, value)[from];
    }
    std::uint32_t sum(std::uint32_t value) {
      const std::uint32_t* of = exchange(Collective::sum, value);
      return std::accumulate(of, of + warp_size, std::uint32_t{0});
    }

   private:
    enum class Collective : std::uint8_t { none, ballot, shuffle, sum };
    friend class FiberBlock;
    const std::uint32_t* exchange(Collective kind, std::uint32_t value);
    FiberBlock& block_;
    std::uint32_t thread_;
  };

 private:
  using Fiber = boost::context::fiber;
  enum class State : std::uint8_t { ready, at_barrier, at_collective, left };
  static constexpr std::uint64_t garbage = 0xcdcdcdcdcdcdcdcdull;
  static constexpr std::size_t stack_bytes = 64 * 1024;

  /// Hands a fiber its part of the block's stacks.
  struct StackPart {
    std::byte* base;
    boost::context::stack_context allocate() const {
      boost::context::stack_context stack;
      stack.size = stack_bytes;
      stack.sp = base + stack_bytes;
      return stack;
    }
    void deallocate(boost::context::stack_context&) const {}
  };

  /// A fiber that is forgotten, not unwound, where it has not ended.
  union Parked {
    Fiber fiber;
    explicit Parked(Fiber made) : fiber(std::move(made)) {}
    Parked(Parked&& other) noexcept : fiber(std::move(other.fiber)) {}
    ~Parked() {}
  };

  /// Two sets in turn: nobody writes a set again before everybody has passed the other one.
  struct Exchange {
    Context::Collective kind[2]{};
    std::uint8_t turn = 0;
  };

  void pause(std::uint32_t thread, State why) {
    states_[thread] = why;
    inside_[thread] = std::move(inside_[thread]).resume();
  }
  /// Does not return, but must not be known not to: the address sanitizer would look for the stack's end then.
  void give_up(std::uint32_t thread, const char* why) {
    fault_ = why;
    while (!fault_.empty()) pause(thread, State::left);
  }
  std::optional<std::uint32_t> driven_warp();
  bool release_collectives();
  bool release_barrier();
  std::size_t in_state(std::size_t first, std::size_t last, State state) const {
    return static_cast<std::size_t>(std::count(states_.begin() + static_cast<std::ptrdiff_t>(first),
                                               states_.begin() + static_cast<std::ptrdiff_t>(last), state));
  }

  std::uint32_t block_, blocks_;
  Schedule schedule_;
  std::mt19937_64& random_;
  std::vector<std::uint64_t> shared_;
  std::unique_ptr<std::byte[]> stacks_;
  std::vector<State> states_;
  std::vector<Fiber> inside_;             ///< where each thread goes when it pauses: the scheduler
  std::vector<Exchange> exchanges_;       ///< per thread
  std::vector<std::uint32_t> values_[2];  ///< per thread, the two sets
  std::optional<std::uint32_t> driven_;   ///< greedy: the warp that is being driven
  std::string fault_;                     ///< the first rule that a thread broke
};

inline const std::uint32_t* FiberBlock::Context::exchange(Collective kind, std::uint32_t value) {
  Exchange& mine = block_.exchanges_[thread_];
  const std::uint8_t turn = mine.turn;
  mine.turn ^= 1;
  mine.kind[turn] = kind;
  block_.values_[turn][thread_] = value;
  block_.pause(thread_, State::at_collective);
  const std::uint32_t first = thread_ - lane();
  for (std::uint32_t l = 0; l < warp_size; ++l)
    if (block_.exchanges_[first + l].kind[turn] != kind)
      block_.give_up(thread_, "lanes of a warp in different collectives");
  return block_.values_[turn].data() + first;
}

template <class Body>
void FiberBlock::run(Body&& body) {
  const auto threads = static_cast<std::uint32_t>(states_.size());
  for (auto& set : values_) set.assign(threads, 0);
  std::vector<Parked> fibers;
  fibers.reserve(threads);
  for (std::uint32_t t = 0; t < threads; ++t)
    fibers.emplace_back(
        Fiber(std::allocator_arg, StackPart{stacks_.get() + t * stack_bytes}, [this, &body, t](Fiber&& back) {
          inside_[t] = std::move(back);
          Context context(*this, t);
          body(context);
          states_[t] = State::left;
          return std::move(inside_[t]);
        }));

  std::vector<std::uint32_t> order(threads);
  std::iota(order.begin(), order.end(), 0u);
  if (schedule_ == Schedule::reverse) std::reverse(order.begin(), order.end());
  while (in_state(0, threads, State::left) != threads) {
    if (schedule_ == Schedule::random) std::shuffle(order.begin(), order.end(), random_);
    const std::optional<std::uint32_t> only = schedule_ == Schedule::greedy ? driven_warp() : std::nullopt;
    bool progress = false;
    for (const std::uint32_t t : order) {
      if (states_[t] != State::ready || (only && t / warp_size != *only)) continue;
      fibers[t].fiber = std::move(fibers[t].fiber).resume();
      if (!fault_.empty()) throw KernelFault(fault_);
      progress = true;
    }
    progress |= release_collectives();
    progress |= release_barrier();
    if (!progress) throw KernelFault("deadlock: a barrier or collective that some threads never reach");
  }
}

/// The driven warp, as long as it can run; then another one that can.
inline std::optional<std::uint32_t> FiberBlock::driven_warp() {
  std::vector<std::uint32_t> able;
  for (std::uint32_t t = 0; t < states_.size(); ++t)
    if (states_[t] == State::ready && (able.empty() || able.back() != t / warp_size))
      able.push_back(t / warp_size);
  if (able.empty()) return std::nullopt;
  if (!driven_ || std::find(able.begin(), able.end(), *driven_) == able.end())
    driven_ = able[random_() % able.size()];
  return driven_;
}

inline bool FiberBlock::release_collectives() {
  bool released = false;
  for (std::size_t first = 0; first < states_.size(); first += warp_size) {
    const std::size_t last = first + warp_size;
    const std::size_t waiting = in_state(first, last, State::at_collective),
                      gone = in_state(first, last, State::left);
    if (waiting == 0 || waiting + gone != warp_size) continue;
    if (gone != 0) throw KernelFault("a collective after lanes have left");
    std::fill_n(states_.begin() + static_cast<std::ptrdiff_t>(first), warp_size, State::ready);
    released = true;
  }
  return released;
}

inline bool FiberBlock::release_barrier() {
  const std::size_t waiting = in_state(0, states_.size(), State::at_barrier),
                    gone = in_state(0, states_.size(), State::left);
  if (waiting == 0 || waiting + gone != states_.size()) return false;
  if (gone != 0) throw KernelFault("a barrier after threads have left");
  std::fill(states_.begin(), states_.end(), State::ready);
  return true;
}

/// Runs a grid, block after block.
template <class Body>
void run_on_fibers(std::uint32_t blocks, std::uint32_t threads, std::size_t shared_bytes, Schedule schedule,
                   std::uint64_t seed, Body&& body) {
  std::mt19937_64 random(seed);
  for (std::uint32_t b = 0; b < blocks; ++b)
    FiberBlock(b, blocks, threads, shared_bytes, schedule, random).run(body);
}

}  // namespace tidegauge::test
