#include "host/fetch/http_rules.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <new>

namespace tidegauge {

namespace {

struct UrlRelease {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlRelease>;

/// A part of a URL; empty where it has none.
std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

UrlHandle parse_url(const std::string& url) {
  UrlHandle parsed(curl_url());
  if (!parsed) throw std::bad_alloc();
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) parsed.reset();
  return parsed;
}

}  // namespace

std::chrono::milliseconds retry_wait(int tries, std::chrono::milliseconds first, std::chrono::seconds asked) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest = std::chrono::minutes(1), longest_asked = std::chrono::minutes(10);
  const milliseconds own = std::min<milliseconds>(longest, first * (1L << std::min(tries - 1, 20)));
  return std::max(own, std::min<milliseconds>(asked, longest_asked));
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto number = [&](char behind) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    const char* const end = text.data() + text.size();
    if (parsed.ec != std::errc() || (behind ? parsed.ptr == end || *parsed.ptr != behind : parsed.ptr != end)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()) + (behind ? 1 : 0));
    return value;
  };
  const auto first = number('-'), last = number('/');
  if (!first || !last || *last < *first) return std::nullopt;
  if (text == "*") return ContentRange{*first, std::nullopt};
  const auto total = number('\0');
  if (!total || *total <= *last) return std::nullopt;
  return ContentRange{*first, total};
}

bool same_server(const std::string& a, const std::string& b) {
  const UrlHandle one = parse_url(a), other = parse_url(b);
  if (!one || !other) return false;
  for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT})
    if (!curl_strequal(url_part(one.get(), part, CURLU_DEFAULT_PORT).c_str(), url_part(other.get(), part, CURLU_DEFAULT_PORT).c_str()))
      return false;
  return true;
}

Status check_url(const std::string& url, const std::string& what) {
  const UrlHandle parsed = parse_url(url);
  const std::string scheme = parsed ? url_part(parsed.get(), CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https")
    return Error{"is no http or https URL", what, "https://host/path", ErrorKind::usage};
  if (!url_part(parsed.get(), CURLUPART_USER).empty() || !url_part(parsed.get(), CURLUPART_PASSWORD).empty())
    return Error{"credentials do not belong into a URL, which others see in the list of processes", what,
                 "a netrc file, or the environment: TIDEGAUGE_USER and TIDEGAUGE_PASSWORD", ErrorKind::usage};
  return {};
}

}  // namespace tidegauge
