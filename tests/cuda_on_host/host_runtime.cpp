// The part of the CUDA runtime that the LSTM's host code calls, on host memory. "Device" memory starts and ends as NaN.
// As the real one it remembers a failure until it is asked, and takes no memory while a graph is being recorded.
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/cuda_on_host/host_stream.hpp"

namespace tidegauge::test {
int graphs_launched = 0;
bool work_waits = false, launches_fail = false;
Recording recording = Recording::works;
int allocations_left = -1;
int shared_bytes_of_a_block = 227 * 1024;
std::size_t free_bytes = std::size_t{1} << 30;
std::size_t bytes_copied_in = 0, bytes_copied_out = 0;
std::size_t device_bytes = std::size_t{80} << 30;
}  // namespace tidegauge::test

using tidegauge::test::allocations_left;
using tidegauge::test::put_on_stream;
using tidegauge::test::Recording;

namespace {

cudaError_t last_error = cudaSuccess;
int recording_streams = 0;

cudaError_t failed(cudaError_t code) { return last_error = code; }

void finish(cudaStream_t stream) {
  for (const auto& work : std::exchange(stream->waiting, {})) work();
}

}  // namespace

extern "C" {

cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
const char* cudaGetErrorString(cudaError_t) { return "failed"; }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorUnknown"; }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMaxSharedMemoryPerBlockOptin ? tidegauge::test::shared_bytes_of_a_block : 9;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = tidegauge::test::free_bytes;
  *total = tidegauge::test::device_bytes;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** place, size_t bytes) {
  if (recording_streams > 0) return failed(cudaErrorStreamCaptureUnsupported);
  if (allocations_left >= 0 && allocations_left-- == 0) return failed(cudaErrorMemoryAllocation);
  *place = std::malloc(bytes);
  std::memset(*place, 0xff, bytes);
  return cudaSuccess;
}
/// Does not wait for work, which the real one does only by chance.
cudaError_t cudaFree(void* place) {
  if (recording_streams > 0) return failed(cudaErrorStreamCaptureUnsupported);
  if (place) std::memset(place, 0xff, malloc_usable_size(place));  // a graph that still reads it must not find it whole
  std::free(place);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  finish(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream->recording) return failed(cudaErrorStreamCaptureUnsupported);
  finish(stream);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  (kind == cudaMemcpyHostToDevice ? tidegauge::test::bytes_copied_in : tidegauge::test::bytes_copied_out) += bytes;
  put_on_stream(stream, [=] {
    if (bytes != 0) std::memcpy(to, from, bytes);
  });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* place, int value, size_t bytes, cudaStream_t stream) {
  put_on_stream(stream, [=] { std::memset(place, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (tidegauge::test::recording == Recording::cannot_begin) return failed(cudaErrorStreamCaptureUnsupported);
  stream->recording.emplace();
  ++recording_streams;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = new CUgraph_st{std::move(*stream->recording)};
  stream->recording.reset();
  --recording_streams;
  return tidegauge::test::recording == Recording::cannot_end ? failed(cudaErrorStreamCaptureInvalidated) : cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (tidegauge::test::launches_fail) return failed(cudaErrorLaunchFailure);
  ++tidegauge::test::graphs_launched;
  for (const auto& work : exec->work) put_on_stream(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

}  // extern "C"
