// parseJson, readJson, readFile, writeFile.
#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>

namespace dsrt {
namespace {

/// A character iterator that tells how far the lexer has read: nlohmann's SAX events carry no position of their own.
class CountingIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  CountingIterator(const char *at, const char **reached) : at(at), reached(reached) {}
  reference operator*() const { return *at; }
  CountingIterator &operator++() {
    *reached = ++at;
    return *this;
  }
  bool operator==(const CountingIterator &other) const { return at == other.at; }
  bool operator!=(const CountingIterator &other) const { return at != other.at; }

private:
  const char *at;
  const char **reached;
};

/// Builds the document. Keys are kept apart in a set per open object: ordered_json's own lookup is linear, and the index of a
/// published checkpoint has 90 000 keys.
class Builder : public nlohmann::json_sax<Json> {
public:
  Builder(int depth) : maximumDepth(depth) {}

  Json root;
  std::string reason;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t &text) override {
    // The lexer turns an integer that does not fit into a double; a count that lost digits is no count.
    if (text.find_first_of(".eE") == std::string::npos)
      return refuse(format("expects integers within 64 bits, but got %.40s", text.c_str()));
    return add(value);
  }
  bool string(string_t &value) override { return add(std::move(value)); }
  bool binary(binary_t &) override { return refuse("expects text, but got a binary value"); }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return closeValue(); }
  bool end_array() override { return closeValue(); }
  bool key(string_t &value) override {
    if (!levels.back().keys.insert(value).second)
      return refuse(format("expects every key once, but got '%.80s' twice", value.c_str()));
    levels.back().key = std::move(value);
    return true;
  }
  bool parse_error(size_t, const std::string &, const nlohmann::detail::exception &error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ..."
    std::string text = error.what();
    size_t bracket = text.find("] ");
    text = bracket == std::string::npos ? text : text.substr(bracket + 2);
    if (text.starts_with("parse error at line"))
      if (size_t colon = text.find(": "); colon != std::string::npos)
        text = text.substr(colon + 2);
    return refuse(text);
  }

private:
  struct Level {
    Json *value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool refuse(std::string why) {
    if (reason.empty())
      reason = std::move(why);
    return false;
  }
  Json *place(Json value) {
    if (levels.empty()) {
      root = std::move(value);
      return &root;
    }
    Json &parent = *levels.back().value;
    if (parent.is_array()) {
      auto &array = parent.get_ref<Json::array_t &>();
      array.push_back(std::move(value));
      return &array.back();
    }
    // The vector under ordered_map: its own emplace would search all keys again.
    auto &object = static_cast<Json::object_t::Container &>(parent.get_ref<Json::object_t &>());
    object.emplace_back(std::move(levels.back().key), std::move(value));
    return &object.back().second;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (static_cast<int>(levels.size()) >= maximumDepth)
      return refuse(format("expects at most %d levels of nesting", maximumDepth));
    // Only the innermost container grows, so the pointers to those around it stay valid.
    Json *placed = place(std::move(value));
    levels.push_back({placed, {}, {}});
    return true;
  }
  bool closeValue() {
    levels.pop_back();
    return true;
  }

  int maximumDepth;
  std::vector<Level> levels;
};

std::string withPosition(std::string_view text, const char *reached, std::string_view what, const std::string &reason) {
  size_t line = 1, column = 0;
  for (const char *at = text.data(); at != reached; ++at) {
    ++column;
    if (*at == '\n') {
      ++line;
      column = 0;
    }
  }
  return std::string(what) + format(":%zu:%zu: %s", line, column ? column : 1, reason.c_str());
}

} // namespace

Expected<Json> parseJson(std::string_view text, std::string_view what, int depth) {
  Builder builder(depth);
  const char *reached = text.data();
  CountingIterator begin(text.data(), &reached), end(text.data() + text.size(), &reached);
  if (Json::sax_parse(begin, end, &builder))
    return std::move(builder.root);
  return Status(DSRT_UNREADABLE, withPosition(text, reached, what, builder.reason));
}

Expected<std::string> readFile(const std::string &path, uint64_t limit) {
  // O_NONBLOCK: a pipe without a writer must not hold us; it is refused below.
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  auto failure = [&](dsrt_code code, const std::string &why) {
    if (descriptor >= 0)
      close(descriptor);
    return Status(code, path + ": " + why);
  };
  if (descriptor < 0)
    return failure(DSRT_UNREADABLE, std::string("cannot open: ") + strerror(errno));
  struct stat info;
  if (fstat(descriptor, &info) != 0)
    return failure(DSRT_IO, std::string("cannot stat: ") + strerror(errno));
  if (!S_ISREG(info.st_mode))
    return failure(DSRT_UNREADABLE, "expects a regular file");
  if (static_cast<uint64_t>(info.st_size) > limit)
    return failure(DSRT_UNREADABLE, format("expects at most %llu bytes, but got %llu", static_cast<unsigned long long>(limit),
                                           static_cast<unsigned long long>(info.st_size)));
  std::string content(info.st_size, '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    ssize_t got = read(descriptor, content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return failure(DSRT_IO, std::string("cannot read: ") + strerror(errno));
    if (got == 0)
      return failure(DSRT_IO, format("the file shrank to %zu bytes while it was read", filled));
    filled += got;
  }
  close(descriptor);
  return content;
}

Expected<Json> readJson(const std::string &path, uint64_t limit) {
  Expected<std::string> text = readFile(path, limit);
  if (!text)
    return text.status();
  return parseJson(*text, path);
}

Status writeFile(const std::string &path, std::string_view content) {
  Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.status();
  if (Status status = file->write(content.data(), content.size()); !status.ok())
    return status;
  return file->commit();
}

} // namespace dsrt
