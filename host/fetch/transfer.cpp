#include "host/fetch/transfer.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <new>
#include <utility>

#include "host/fetch/http_rules.hpp"

namespace tidegauge {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int most_redirects = 5;
constexpr std::size_t most_text_bytes = 16 << 20;
constexpr long most_connect_s = 30;
constexpr long buffer_bytes = 256 << 10;
constexpr long least_buffer_bytes = 1024;
constexpr int poll_ms = 100;  // how late a stop may be heard

template <auto release>
struct Release {
  template <class T>
  void operator()(T* owned) const {
    release(owned);
  }
};
using EasyHandle = std::unique_ptr<CURL, Release<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Release<curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Release<curl_slist_free_all>>;

/// Once in a process; curl frees it at its end.
void start_curl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  TG_REQUIRE(started, "libcurl could not be started");
}

bool is_transient(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT: case CURLE_PARTIAL_FILE: case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING: case CURLE_SEND_ERROR: case CURLE_RECV_ERROR: case CURLE_SSL_CONNECT_ERROR: case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: case CURLE_WEIRD_SERVER_REPLY: return true;
    default: return false;
  }
}

bool is_transient_status(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/// One job from its first request to its end, over any number of requests.
class Transfer {
 public:
  Transfer(const TransferJob& job, TransferResult& result, const TransferOptions& options)
      : job_(job), result_(result), options_(options), url_(job.url) {}

  /// False where nothing is to be asked: it is there, or cannot be written.
  bool prepare();
  void start(CURLM* multi);
  /// After a request's end: true if the job is at its end.
  bool finish(CURLM* multi, CURLcode code);
  void stop(CURLM* multi);

  CURL* handle() const { return handle_.get(); }
  Clock::time_point not_before() const { return not_before_; }
  const TransferJob& job() const { return job_; }
  const TransferResult& result() const { return result_; }
  bool refused() const { return refused_; }

 private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  Status take(std::string_view bytes);
  Status take_for_file(std::string_view bytes);
  Status begin_body();
  Status begin_file();
  std::string header(const char* name) const;
  std::optional<std::uint64_t> content_length() const;
  /// Whether the end of the body is told by more than a closed connection.
  bool end_is_certain() const;
  bool end(TransferOutcome outcome, std::optional<Error> error = {});
  bool fail(const std::string& what, const std::string& remedy) {
    return end(TransferOutcome::failed, Error{what, job_.url, remedy});
  }
  bool retry(const std::string& why, std::chrono::seconds asked = std::chrono::seconds(0));
  bool redirect();
  bool finish_body();
  void set_up(CURL* curl);

  const TransferJob& job_;
  TransferResult& result_;
  const TransferOptions& options_;
  std::string url_;       ///< the job's, or where it was redirected to
  int redirects_ = 0;
  int tries_ = 0;         ///< since the last byte that came for the first time
  std::uint64_t furthest_ = 0;
  Clock::time_point not_before_{};
  std::optional<PartFile> part_;
  HeaderList headers_;    // before the handle, which reads it to its end
  EasyHandle handle_;
  std::uint64_t asked_from_ = 0;
  bool began_ = false;    ///< this request's body
  bool anew_ = false;     ///< what came does not continue what is there
  bool refused_ = false;  ///< our credentials
  std::optional<Error> local_;  ///< why the body could not be taken
};

bool Transfer::end(TransferOutcome outcome, std::optional<Error> error) {
  result_.outcome = outcome;
  result_.error = std::move(error);
  part_.reset();
  return true;
}

bool Transfer::prepare() {
  if (job_.kind != TransferKind::file) return true;
  std::error_code absent;
  const std::uint64_t there = std::filesystem::file_size(job_.path, absent);
  if (!absent) {
    std::filesystem::remove(job_.path + ".part.tag", absent);  // a kill right after the renaming leaves it
    result_.bytes = there;
    if (!job_.known.bytes || *job_.known.bytes == there) return !end(TransferOutcome::there);
    const auto what = fmt::format("is there with {} bytes, the list says {}", there, *job_.known.bytes);
    return !end(TransferOutcome::failed, Error{what, job_.path, "delete it, so that it is fetched"});
  }
  auto part = PartFile::open(job_.path, job_.known);
  if (!part) return !end(TransferOutcome::failed, std::move(part).error());
  part_.emplace(*std::move(part));
  if (part_->size() == 0 || part_->size() != part_->total()) return true;
  result_.bytes = part_->size();
  const Status named = part_->finish();  // killed between the last byte and the name
  return !(named ? end(TransferOutcome::fetched) : end(TransferOutcome::failed, named.error()));
}

void Transfer::set_up(CURL* curl) {
  const auto set = [&](CURLoption option, auto value) {
    TG_REQUIRE(curl_easy_setopt(curl, option, value) == CURLE_OK, "libcurl does not know an option");
  };
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, "tidegauge");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT, most_connect_s);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall.count()));
  set(CURLOPT_BUFFERSIZE, buffer_bytes);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  if (job_.kind == TransferKind::size) set(CURLOPT_NOBODY, 1L);
  if (options_.bytes_per_second > 0) {
    const auto rate = std::max<std::uint64_t>(1, options_.bytes_per_second / static_cast<unsigned>(options_.parallel));
    set(CURLOPT_MAX_RECV_SPEED_LARGE, static_cast<curl_off_t>(rate));
    // libcurl holds the limit between reads
    set(CURLOPT_BUFFERSIZE, static_cast<long>(std::clamp<std::uint64_t>(rate / 16, least_buffer_bytes, buffer_bytes)));
  }
  if (!same_server(job_.url, url_)) return;
  set(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  if (!options_.user.empty()) {
    set(CURLOPT_USERNAME, options_.user.c_str());
    set(CURLOPT_PASSWORD, options_.password.c_str());
    return;
  }
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  if (!options_.netrc.empty()) set(CURLOPT_NETRC_FILE, options_.netrc.c_str());
}

void Transfer::start(CURLM* multi) {
  // Redirects are followed here and not by libcurl, some versions of which handed a netrc file's password on.
  handle_.reset(curl_easy_init());
  if (!handle_) throw std::bad_alloc();
  set_up(handle_.get());
  asked_from_ = part_ && !part_->validator().empty() ? part_->size() : 0;
  if (asked_from_ > 0) {
    curl_easy_setopt(handle_.get(), CURLOPT_RANGE, fmt::format("{}-", asked_from_).c_str());
    headers_.reset(curl_slist_append(nullptr, ("If-Range: " + part_->validator()).c_str()));
    curl_easy_setopt(handle_.get(), CURLOPT_HTTPHEADER, headers_.get());
  }
  began_ = anew_ = false;
  local_.reset();
  curl_multi_add_handle(multi, handle_.get());
}

std::string Transfer::header(const char* name) const {
  curl_header* found = nullptr;
  return curl_easy_header(handle_.get(), name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "";
}

std::optional<std::uint64_t> Transfer::content_length() const {
  curl_off_t length = -1;
  curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length < 0) return std::nullopt;
  return static_cast<std::uint64_t>(length);
}

bool Transfer::end_is_certain() const {
  long version = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_HTTP_VERSION, &version);
  const bool http1 = version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1;
  return content_length() || !http1 || header("Transfer-Encoding").find("chunked") != std::string::npos;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  Transfer& transfer = *static_cast<Transfer*>(self);
  try {
    const Status taken = transfer.take({data, size * count});
    if (taken) return size * count;
    transfer.local_ = taken.error();
  } catch (const std::exception& e) {  // not through a C library
    transfer.local_ = Error{std::string("unexpected: ") + e.what(), transfer.job_.url, ""};
  }
  return size * count + 1;
}

Status Transfer::take(std::string_view bytes) {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 206) return {};  // an error's page
  if (!began_) TG_TRY(begin_body());
  if (anew_) return Error{"what comes is of no use", job_.url, ""};  // ends the request
  result_.received += bytes.size();
  if (part_) return take_for_file(bytes);
  if (result_.text.size() + bytes.size() > most_text_bytes) return Error{"is too long for a page", job_.url, "check the base URL"};
  result_.text += bytes;
  return {};
}

Status Transfer::take_for_file(std::string_view bytes) {
  TG_TRY(part_->append(bytes));
  if (part_->size() > furthest_) tries_ = 0;
  furthest_ = std::max(furthest_, part_->size());
  return {};
}

Status Transfer::begin_body() {
  began_ = true;
  if (part_) return begin_file();
  result_.text.clear();
  return {};
}

/// What comes continues what is there, begins a file, or (anew_) is of no use.
Status Transfer::begin_file() {
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status == 206) {
    const auto range = parse_content_range(header("Content-Range"));
    anew_ = asked_from_ == 0 || !range || range->first != asked_from_ || range->total != part_->total();
    if (anew_) return part_->start("", std::nullopt);
    furthest_ = std::max(furthest_, asked_from_);
    return {};
  }
  const auto total = content_length();
  if (total && job_.known.bytes && *total != *job_.known.bytes)
    return Error{fmt::format("the server has {} bytes, the list says {}", *total, *job_.known.bytes), job_.url,
                 "a list of the same version, or none"};
  const std::string etag = header("ETag");
  return part_->start(etag.empty() || etag.starts_with("W/") ? header("Last-Modified") : etag, total);
}

bool Transfer::retry(const std::string& why, std::chrono::seconds asked) {
  if (++tries_ >= options_.tries) return fail(fmt::format("{}; given up after {} tries", why, tries_), "the same command later");
  ++result_.retries;
  url_ = job_.url;  // where it is redirected to may be another place by then
  redirects_ = 0;
  not_before_ = Clock::now() + retry_wait(tries_, options_.first_wait, asked);
  return false;
}

bool Transfer::redirect() {
  char* to = nullptr;
  curl_easy_getinfo(handle_.get(), CURLINFO_REDIRECT_URL, &to);
  if (!to) return fail("is redirected to nowhere", "another --base-url");
  if (++redirects_ > most_redirects) return fail(fmt::format("is redirected more than {} times", most_redirects), "another --base-url");
  url_ = to;
  return check_url(url_, "") ? false : fail("is redirected to what is no plain http or https URL", "another --base-url");
}

bool Transfer::finish_body() {
  if (job_.kind == TransferKind::size) {
    result_.bytes = content_length();
    return end(TransferOutcome::fetched);
  }
  if (!began_)  // an empty body
    if (const Status begun = begin_body(); !begun) return end(TransferOutcome::failed, begun.error());
  if (anew_) return retry("the server sent another part than was asked for");
  if (!part_) {
    result_.bytes = result_.text.size();
    return end(TransferOutcome::fetched);
  }
  if (!end_is_certain() && !job_.known.bytes)
    return fail("the server does not say how long the file is, so that it may be a part of it", "--checksums with its size");
  if (part_->total() && *part_->total() != part_->size()) return retry("the file ended too early");
  result_.bytes = part_->size();
  const Status named = part_->finish();
  return named ? end(TransferOutcome::fetched) : end(TransferOutcome::failed, named.error());
}

bool Transfer::finish(CURLM* multi, CURLcode code) {
  long status = 0;
  curl_off_t asked = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &asked);
  curl_multi_remove_handle(multi, handle_.get());
  if (anew_) return retry("the server sent another part than was asked for");
  if (local_) return end(TransferOutcome::failed, std::move(local_));
  if (is_transient(code)) return retry(curl_easy_strerror(code));
  if (code != CURLE_OK) return fail(curl_easy_strerror(code), "check the address and the network");
  if (status == 200 || status == 206) return finish_body();
  if (job_.kind == TransferKind::size && (status == 405 || status == 501)) return end(TransferOutcome::fetched);  // no HEAD there
  if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) return redirect();
  if (status == 404 || status == 410) return end(TransferOutcome::missing);
  if (is_transient_status(status)) return retry(fmt::format("the server answers {}", status), std::chrono::seconds(asked));
  if (status == 416 && asked_from_ > 0) {  // the file there is shorter than what we have of it
    if (const Status dropped = part_->start("", std::nullopt); !dropped) return end(TransferOutcome::failed, dropped.error());
    return retry("the server has no such part");
  }
  refused_ = status == 401;
  if (refused_) return fail("the server wants a user and a password (401), or refuses those that it got", "a netrc file with them");
  if (status == 403) return fail("the server forbids it (403)", "whether your account may have this data, and its terms of use");
  return fail(fmt::format("the server answers {}", status), "check the address");
}

void Transfer::stop(CURLM* multi) {
  if (handle_) curl_multi_remove_handle(multi, handle_.get());
}

/// All jobs: which are in work, which wait for their next try.
class TransferQueue {
 public:
  TransferQueue(const std::vector<TransferJob>& jobs, const TransferOptions& options)
      : jobs_(jobs), options_(options), results_(jobs.size()), multi_(curl_multi_init()) {
    if (!multi_) throw std::bad_alloc();
  }

  std::vector<TransferResult> run() {
    while (!refused_ && !(options_.stop && options_.stop())) {
      fill();
      start_due();
      if (active_.empty()) break;
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      take_ends();
      tell();
      if (!active_.empty()) curl_multi_poll(multi_.get(), nullptr, 0, wait_ms(), nullptr);
    }
    for (auto& one : active_) one->stop(multi_.get());
    return std::move(results_);
  }

 private:
  void fill() {
    while (active_.size() < static_cast<std::size_t>(options_.parallel) && next_ < jobs_.size()) {
      auto one = std::make_unique<Transfer>(jobs_[next_], results_[next_], options_);
      ++next_;
      if (one->prepare()) waiting_.push_back(active_.emplace_back(std::move(one)).get());
      else ended(*one);
    }
  }

  void start_due() {
    const auto now = Clock::now();
    std::erase_if(waiting_, [&](Transfer* one) {
      if (one->not_before() > now) return false;
      one->start(multi_.get());
      return true;
    });
  }

  void take_ends() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      const CURLcode code = message->data.result;
      const auto at = std::ranges::find(active_, message->easy_handle, &Transfer::handle);
      if (!(*at)->finish(multi_.get(), code)) {
        waiting_.push_back(at->get());
        continue;
      }
      ended(**at);
      active_.erase(at);
    }
  }

  void ended(const Transfer& one) {
    ++done_;
    refused_ = refused_ || one.refused();  // an account is not to be tried once a file
    if (options_.done) options_.done(one.job(), one.result());
  }

  void tell() const {
    if (!options_.progress) return;
    TransferProgress progress{done_, 0, {}};
    for (const auto& result : results_) progress.received += result.received;
    if (!active_.empty()) progress.current = std::filesystem::path(active_.front()->job().path).filename().string();
    options_.progress(progress);
  }

  int wait_ms() const {
    auto until = Clock::now() + std::chrono::milliseconds(poll_ms);
    for (const Transfer* one : waiting_) until = std::min(until, one->not_before());
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count()));
  }

  const std::vector<TransferJob>& jobs_;
  const TransferOptions& options_;
  std::vector<TransferResult> results_;
  MultiHandle multi_;
  std::vector<std::unique_ptr<Transfer>> active_;
  std::vector<Transfer*> waiting_;  ///< of those in work
  std::size_t next_ = 0, done_ = 0;
  bool refused_ = false;
};

}  // namespace

std::vector<TransferResult> transfer(const std::vector<TransferJob>& jobs, const TransferOptions& options) {
  TG_REQUIRE(options.parallel >= 1 && options.tries >= 1, "transfers need a place and a try");
  start_curl();
  return TransferQueue(jobs, options).run();
}

}  // namespace tidegauge
