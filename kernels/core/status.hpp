// Expected trouble is a value: what went wrong, where, and what to try. Libraries return it; only the command prints.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "kernels/core/contract.hpp"

namespace tidegauge {

/// Decides the command's exit status.
enum class ErrorKind {
  failed = 1,  ///< the work could not be done
  usage = 2,   ///< the request makes no sense
  damage = 3,  ///< strict mode met damaged input
};

struct Error {
  std::string what;    ///< what went wrong, one sentence without a full stop
  std::string where;   ///< file, byte offset, option or table; may be empty
  std::string remedy;  ///< what to try; may be empty
  ErrorKind kind = ErrorKind::failed;

  /// "where: what (try: remedy)", one line.
  [[nodiscard]] std::string message() const {
    std::string text = where.empty() ? what : where + ": " + what;
    if (!remedy.empty()) text += " (try: " + remedy + ")";
    return text;
  }
};

/// A value, or why there is none.
template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  bool has_value() const noexcept { return state_.index() == 0; }

  T& value() & { return require_value(), std::get<0>(state_); }
  const T& value() const& { return require_value(), std::get<0>(state_); }
  T&& value() && { return require_value(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  void require_value() const { TG_REQUIRE(has_value(), "Expected holds an error: " + error().message()); }
  std::variant<T, Error> state_;
};

/// Success without a value, or why not.
template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() = default;
  Expected(Error error) : error_(std::move(error)), failed_(true) {}
  explicit operator bool() const noexcept { return !failed_; }
  bool has_value() const noexcept { return !failed_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Expected<void>;

/// Returns the error of a Status-like expression from the enclosing function.
#define TG_TRY(expression)                                          \
  do {                                                              \
    if (auto tg_status = (expression); !tg_status) return std::move(tg_status).error(); \
  } while (false)

}  // namespace tidegauge
