// Streams and graphs of a CUDA runtime that is the host (host_runtime.cpp): work put on a stream is done at once, or
// kept where a graph is being recorded and done whenever the graph is launched. So host code that talks to CUDA and
// cuDNN runs without a card, and the address sanitizer watches what it calls device memory.
// Not modelled: work that is still under way when a call returns.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <optional>
#include <vector>

using HostWork = std::vector<std::function<void()>>;

struct CUstream_st {
  std::optional<HostWork> recording;
};
struct CUgraph_st {
  HostWork work;
};
struct CUgraphExec_st {
  HostWork work;
};

namespace tidegauge::test {

inline void put_on_stream(cudaStream_t stream, std::function<void()> work) {
  if (stream->recording)
    stream->recording->push_back(std::move(work));
  else
    work();
}

/// Graphs launched since the program began: tests see that replaying took place.
extern int graphs_launched;
/// The next recordings fail, as on a device or library that cannot.
extern bool recording_fails;
/// So many allocations succeed, the next one fails; negative: all succeed.
extern int allocations_left;
/// As of compute capability 9.0.
extern int shared_bytes_of_a_block;
/// Of device memory, as it says; allocations do not mind.
extern std::size_t free_bytes;
/// Between host and device, since the program began.
extern std::size_t bytes_copied_in, bytes_copied_out;

}  // namespace tidegauge::test
