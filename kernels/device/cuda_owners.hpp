// Owners of CUDA handles: what they hold is given back with them, and no raw handle is kept elsewhere.
// Each make() returns why it could not. Buffers only grow, so that a steady stream of batches allocates nothing.
// Thread safety: none; a backend's thread owns them. Include it from *_cuda.cu and device/*.cu only.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// Success, or the runtime's words with what was being done. The runtime remembers an error until it is asked; it is
/// asked here, so that the check after the next kernel launch does not find this one.
inline Status cuda_status(cudaError_t code, const char* doing) {
  if (code == cudaSuccess) return {};
  cudaGetLastError();
  const bool memory = code == cudaErrorMemoryAllocation;
  return Error{
      std::string("CUDA: ") + doing + ": " + cudaGetErrorString(code) + " (" + cudaGetErrorName(code) + ")",
      "--device", memory ? "close what else uses the card, or --device cpu" : "--device cpu"};
}

/// Makes `device` the calling thread's, as every entry into the module must: threads start with device 0. It is not
/// put back, because naming another device would start a context on it, and the module's runtime serves nobody else.
inline Status use_device(int device) { return cuda_status(cudaSetDevice(device), "taking the device"); }

/// A handle of type T that `destroy` gives back.
template <class T, cudaError_t (*destroy)(T)>
class CudaHandle {
 public:
  CudaHandle() = default;
  explicit CudaHandle(T handle) : handle_(handle) {}
  CudaHandle(CudaHandle&& other) noexcept : handle_(std::exchange(other.handle_, T{})) {}
  CudaHandle& operator=(CudaHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~CudaHandle() {
    if (handle_) destroy(handle_);
  }
  T get() const { return handle_; }

 private:
  T handle_{};
};

using CudaStream = CudaHandle<cudaStream_t, cudaStreamDestroy>;
using CudaEvent = CudaHandle<cudaEvent_t, cudaEventDestroy>;
using CudaGraph = CudaHandle<cudaGraph_t, cudaGraphDestroy>;
using CudaGraphExec = CudaHandle<cudaGraphExec_t, cudaGraphExecDestroy>;

/// A stream that does not wait for the default stream.
inline Expected<CudaStream> make_cuda_stream() {
  cudaStream_t stream = nullptr;
  TG_TRY(cuda_status(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream"));
  return CudaStream(stream);
}

/// An event that is waited for, never timed.
inline Expected<CudaEvent> make_cuda_event() {
  cudaEvent_t event = nullptr;
  TG_TRY(cuda_status(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event"));
  return CudaEvent(event);
}

inline cudaError_t allocate_device(void** place, std::size_t bytes) { return cudaMalloc(place, bytes); }
inline cudaError_t allocate_pinned(void** place, std::size_t bytes) { return cudaMallocHost(place, bytes); }

/// Room for elements of T that grows and never shrinks; growing loses what was there.
template <class T, cudaError_t (*allocate)(void**, std::size_t), cudaError_t (*release)(void*)>
class CudaBuffer {
 public:
  CudaBuffer() = default;
  CudaBuffer(CudaBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  CudaBuffer& operator=(CudaBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~CudaBuffer() { clear(); }

  /// Makes room for `count` elements. Nothing on a stream may still use the buffer.
  Status reserve(std::size_t count, const char* doing) {
    if (count <= capacity_) return {};
    clear();
    void* place = nullptr;
    TG_TRY(cuda_status(allocate(&place, count * sizeof(T)), doing));
    data_ = static_cast<T*>(place);
    capacity_ = count;
    return {};
  }
  T* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  void clear() {
    if (data_) release(data_);
    data_ = nullptr;
    capacity_ = 0;
  }
  T* data_ = nullptr;
  std::size_t capacity_ = 0;
};

template <class T>
using DeviceBuffer = CudaBuffer<T, allocate_device, cudaFree>;
template <class T>
using PinnedBuffer = CudaBuffer<T, allocate_pinned, cudaFreeHost>;

}  // namespace tidegauge
