// The part of the CUDA runtime that the LSTM's host code calls, on host memory. "Device" memory starts and ends as NaN.
#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "tests/cuda_on_host/host_stream.hpp"

namespace tidegauge::test {
int graphs_launched = 0;
bool recording_fails = false;
int allocations_left = -1;
int shared_bytes_of_a_block = 227 * 1024;
std::size_t free_bytes = std::size_t{1} << 30;
std::size_t bytes_copied_in = 0, bytes_copied_out = 0;
}  // namespace tidegauge::test

using tidegauge::test::put_on_stream;

extern "C" {

cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t) { return "failed"; }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorUnknown"; }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrMaxSharedMemoryPerBlockOptin ? tidegauge::test::shared_bytes_of_a_block : 9;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = tidegauge::test::free_bytes;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** place, size_t bytes) {
  if (tidegauge::test::allocations_left >= 0 && tidegauge::test::allocations_left-- == 0)
    return cudaErrorMemoryAllocation;
  *place = std::malloc(bytes);
  std::memset(*place, 0xff, bytes);
  return cudaSuccess;
}
cudaError_t cudaFree(void* place) {
  if (place) std::memset(place, 0xff, malloc_usable_size(place));  // a graph that still reads it must not find it whole
  std::free(place);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new CUstream_st;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stream->recording ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
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
  stream->recording.emplace();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = new CUgraph_st{std::move(*stream->recording)};
  stream->recording.reset();
  return tidegauge::test::recording_fails ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
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
  ++tidegauge::test::graphs_launched;
  for (const auto& work : exec->work) put_on_stream(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

}  // extern "C"
