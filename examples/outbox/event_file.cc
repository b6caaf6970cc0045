#include "examples/outbox/event_file.h"

#include <sqlite3.h>

namespace outbox {

using crank::Code;
using crank::Result;

crank::Error EventFile::error(const char* doing) const {
  return crank::Error(Code::io, crank::concat("the event file, ", doing, ": ", sqlite3_errmsg(file_)));
}

Result<std::unique_ptr<EventFile>> EventFile::open(const std::string& path) {
  std::unique_ptr<EventFile> self(new EventFile);
  if (sqlite3_open(path.c_str(), &self->file_) != SQLITE_OK) return std::unexpected(self->error("opening"));
  // The example is about our losses, not about a disk whose power fails: no waiting for it.
  constexpr const char* set_up =
      "pragma synchronous=off; create table if not exists events(id integer primary key autoincrement, name text not "
      "null)";
  if (sqlite3_exec(self->file_, set_up, nullptr, nullptr, nullptr) != SQLITE_OK)
    return std::unexpected(self->error("setting up"));
  auto prepare = [&](const char* text, sqlite3_stmt*& into) {
    return sqlite3_prepare_v2(self->file_, text, -1, &into, nullptr) == SQLITE_OK;
  };
  if (!prepare("insert into events(name) values(?)", self->add_) ||
      !prepare("select id, name from events order by id limit ?", self->oldest_) ||
      !prepare("delete from events where id <= ?", self->remove_) ||
      !prepare("select count(*), ifnull(max(id), 0) from events", self->content_))
    return std::unexpected(self->error("preparing"));
  return self;
}

EventFile::~EventFile() {
  for (sqlite3_stmt* statement : {add_, oldest_, remove_, content_}) sqlite3_finalize(statement);
  sqlite3_close(file_);
}

Result<std::uint64_t> EventFile::add(std::string_view name) {
  sqlite3_bind_text(add_, 1, name.data(), static_cast<int>(name.size()), SQLITE_TRANSIENT);
  int step = sqlite3_step(add_);
  auto outcome = step == SQLITE_DONE
                     ? Result<std::uint64_t>(static_cast<std::uint64_t>(sqlite3_last_insert_rowid(file_)))
                     : std::unexpected(error("adding an event"));
  sqlite3_reset(add_);
  return outcome;
}

Result<std::vector<Event>> EventFile::oldest(std::size_t most) {
  std::vector<Event> events;
  sqlite3_bind_int64(oldest_, 1, static_cast<std::int64_t>(most));
  int step;
  while ((step = sqlite3_step(oldest_)) == SQLITE_ROW)
    events.push_back({static_cast<std::uint64_t>(sqlite3_column_int64(oldest_, 0)),
                      reinterpret_cast<const char*>(sqlite3_column_text(oldest_, 1))});
  auto outcome = step == SQLITE_DONE ? Result<std::vector<Event>>(std::move(events))
                                     : std::unexpected(error("reading the oldest"));
  sqlite3_reset(oldest_);
  return outcome;
}

Result<> EventFile::remove_up_to(std::uint64_t id) {
  sqlite3_bind_int64(remove_, 1, static_cast<std::int64_t>(id));
  auto outcome =
      sqlite3_step(remove_) == SQLITE_DONE ? Result<>() : std::unexpected(error("removing what was delivered"));
  sqlite3_reset(remove_);
  return outcome;
}

Result<EventFile::Content> EventFile::content() {
  auto outcome = sqlite3_step(content_) == SQLITE_ROW
                     ? Result<Content>(Content{static_cast<std::size_t>(sqlite3_column_int64(content_, 0)),
                                               static_cast<std::uint64_t>(sqlite3_column_int64(content_, 1))})
                     : std::unexpected(error("counting"));
  sqlite3_reset(content_);
  return outcome;
}

}  // namespace outbox
