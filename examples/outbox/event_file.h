// The events that were not delivered yet, in a real SQLite file: what survives the program. Every call is one
// transaction and short; the SDK makes them on its actor, so no other task of it is there meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crank/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace outbox {

struct Event {
  std::uint64_t id;  ///< ascending, never used again, also after a restart
  std::string name;
};

class EventFile {
 public:
  /// Errors: Code::io with SQLite's sentence.
  static crank::Result<std::unique_ptr<EventFile>> open(const std::string& path);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  /// Code::io when the file is busy or full: the event was not taken.
  crank::Result<std::uint64_t> add(std::string_view name);
  crank::Result<std::vector<Event>> oldest(std::size_t most);
  crank::Result<> remove_up_to(std::uint64_t id);
  struct Content {
    std::size_t count;
    std::uint64_t newest;  ///< 0: none
  };
  crank::Result<Content> content();

 private:
  EventFile() = default;
  crank::Error error(const char* doing) const;
  sqlite3* file_ = nullptr;
  sqlite3_stmt *add_ = nullptr, *oldest_ = nullptr, *remove_ = nullptr, *content_ = nullptr;
};

}  // namespace outbox
