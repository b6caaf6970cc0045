#include "crank/reactor/module_guest.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "crank/engine/fiber.h"
#include "crank/reactor/module_imports.h"

namespace crank::reactor {

namespace {

using engine::ExternKind;
using engine::ExternType;
using engine::Func;
using engine::FuncType;
using engine::RawVal;
using engine::ValType;

enum class PumpForm : std::uint8_t { none, packed, ran, silent };  // -> i64, -> i32, -> nothing
enum class ResumeForm : std::uint8_t {
  none,
  bytes,
  value32,
  value64
};  // (token, status, pointer, length), (token, integer)

class ModuleGuest final : public Guest {
 public:
  ModuleGuest(std::shared_ptr<engine::Engine> engine, GuestHost& host, ModuleOptions options)
      : engine_(std::move(engine)), options_(std::move(options)), imports_(host, options_.names) {}
  ~ModuleGuest() override { fiber_.reset(); }

  Result<> load(const engine::Module& module);

  bool has(std::string_view entry) const override {
    auto found = entries_.find(std::string(entry));
    return found != entries_.end() && found->second.wrong.empty();
  }
  Result<std::uint32_t> enter(std::string_view entry, View argument) override;
  Result<std::optional<Pumped>> pump(std::uint32_t budget) override;
  Result<std::optional<Pumped>> go_on() override;
  Result<Resumed> resume(std::uint32_t token, Status status, View payload) override;
  Result<bool> cancel(std::uint32_t task) override;
  Result<std::int64_t> deadline() override;
  std::string describe(std::uint32_t task) override;
  View memory() const override { return std::as_bytes(store_->memory_bytes(memory_)); }
  Result<std::optional<Bytes>> poll_done() override;

 private:
  struct Entry {
    Func func;
    bool takes_bytes = true;
    bool gives_task = true;
    std::string wrong;  ///< a function of another type: what it has
  };
  Result<> find_roles(const engine::Module& module);
  Result<> at_top(std::string_view what) const;
  Result<std::uint32_t> put(View bytes);
  Result<Pumped> pumped();
  Result<std::uint32_t> number(const Func& func);

  std::shared_ptr<engine::Engine> engine_;
  ModuleOptions options_;
  ModuleImports imports_;
  std::unique_ptr<engine::Store> store_;
  engine::Instance instance_;
  engine::Memory memory_;
  std::unordered_map<std::string, Entry> entries_;
  Func pump_, pending_, done_, result_, deadline_, resume_, cancel_, alloc_, free_, describe_;
  PumpForm pump_form_ = PumpForm::none;
  bool pump_takes_budget_ = false;
  ResumeForm resume_form_ = ResumeForm::none;
  bool resume_answers_ = false, result_is_64_ = false;
  bool between_drains_ = false;  // on the fiber, in the host, no guest frame above the pump's caller
  std::uint32_t budget_ = 0;
  engine::FiberRef fiber_;
};

Error protocol(std::string sentence) {
  return Error(Code::protocol, concat("the guest broke the contract: ", sentence));
}

std::string signatures(const FuncType& found, std::string_view wanted) {
  return concat("has the type ", found.to_string(), ", wanted is ", wanted);
}

}  // namespace

Result<> ModuleGuest::load(const engine::Module& module) {
  CRANK_TRY_VOID(find_roles(module));
  CRANK_TRY(store_, engine::Store::create(engine_, {.slice = options_.slice,
                                                    .hard_limit = options_.call_limit,
                                                    .memory_bytes = options_.memory_bytes,
                                                    .table_elements = 100'000,
                                                    .instances = 4}));
  CRANK_TRY(auto externs, imports_.link(*store_, module));
  CRANK_TRY(instance_, store_->instantiate(module, externs));
  CRANK_TRY(memory_, store_->memory(instance_, "memory"));
  imports_.set_memory(memory_);

  const NameMap& names = options_.names;
  auto optional = [&](const std::string& name) -> Func {
    if (name.empty()) return {};
    auto item = store_->get(instance_, name);
    return item && item->kind == ExternKind::func ? item->func : Func();
  };
  pump_ = optional(names.pump), pending_ = optional(names.pending), done_ = optional(names.done),
  result_ = optional(names.result);
  deadline_ = optional(names.deadline), resume_ = optional(names.resume), cancel_ = optional(names.cancel);
  alloc_ = optional(names.alloc), free_ = optional(names.free), describe_ = optional(names.describe);
  for (auto& [name, entry] : entries_) entry.func = optional(name);

  if (Func version = optional(names.version)) {
    CRANK_TRY(std::uint32_t found, number(version));
    if (found >> 16 != contract_version >> 16)
      return fail(Code::unsupported, concat("opening a reactor: it speaks version ", found >> 16, ".", found & 0xffff,
                                            " of the contract, this host speaks ", contract_version >> 16, ".0"));
  }
  if (Func initialize = optional(names.initialize)) {
    RawVal none[1] = {};
    if (auto done = store_->call(initialize, none); !done)
      return fail(std::move(done).error().wrap(Code::trap, concat("opening a reactor: ", names.initialize, " failed")));
  }
  return {};
}

Result<> ModuleGuest::find_roles(const engine::Module& module) {
  const NameMap& names = options_.names;
  bool contract = names.done.empty();  // else a module with ways of its own
  auto bad = [](std::string_view name, std::string sentence) {
    return fail(Code::bad_type, concat("opening a reactor: the export \"", name, "\" ", sentence));
  };
  auto missing = [](std::string_view name) {
    return fail(Code::missing_export, concat("opening a reactor: it exports no \"", name, "\""));
  };
  auto of = [&](const std::string& name) -> const FuncType* {
    const ExternType* type = name.empty() ? nullptr : module.export_named(name);
    return type != nullptr && type->kind == ExternKind::func ? &type->func : nullptr;
  };
  const ExternType* memory = module.export_named("memory");
  if (memory == nullptr) return missing("memory");
  if (memory->kind != ExternKind::memory) return bad("memory", concat("is a ", name_of(memory->kind)));
  if (memory->is_64) return bad("memory", "is indexed by i64; the contract is 32-bit");
  for (const std::string* name :
       {&names.version, &names.initialize, &names.pump, &names.pending, &names.done, &names.result, &names.deadline,
        &names.resume, &names.cancel, &names.alloc, &names.free, &names.probe, &names.describe}) {
    const ExternType* type = name->empty() ? nullptr : module.export_named(*name);
    if (type != nullptr && type->kind != ExternKind::func)
      return bad(*name, concat("is a ", name_of(type->kind), ", wanted is a function"));
  }

  struct Fixed {
    const std::string& name;
    FuncType type;
    bool required;
  };
  const Fixed fixed[] = {
      {names.version, FuncType::of("", "i"), contract}, {names.initialize, FuncType::of("", ""), false},
      {names.deadline, FuncType::of("", "I"), false},   {names.cancel, FuncType::of("i", "i"), contract},
      {names.alloc, FuncType::of("i", "i"), contract},  {names.free, FuncType::of("ii", ""), contract},
      {names.probe, FuncType::of("ii", "i"), contract}, {names.describe, FuncType::of("i", "I"), false},
      {names.pending, FuncType::of("", "i"), true},     {names.done, FuncType::of("", "i"), true},
  };
  for (const Fixed& role : fixed) {
    if (role.name.empty()) continue;
    const FuncType* found = of(role.name);
    if (found == nullptr && role.required) return missing(role.name);
    if (found != nullptr && *found != role.type) return bad(role.name, signatures(*found, role.type.to_string()));
  }

  if (const FuncType* found = of(names.pump)) {
    pump_takes_budget_ = found->params.size() == 1;
    if (*found == FuncType::of("i", "I"))
      pump_form_ = PumpForm::packed;
    else if (*found == FuncType::of("i", "i") || *found == FuncType::of("", "i"))
      pump_form_ = PumpForm::ran;
    else if (*found == FuncType::of("i", "") || *found == FuncType::of("", ""))
      pump_form_ = PumpForm::silent;
    else
      return bad(names.pump, signatures(*found, "(i32) -> (i64), or a form of the name mapping"));
    if (pump_form_ != PumpForm::packed && names.pending.empty())
      return bad(names.pump, "does not say what remains, and no export is named that does (NameMap::pending)");
  } else if (options_.drive) {
    return missing(names.pump);
  }
  if (const FuncType* found = of(names.resume)) {
    resume_answers_ = found->results.size() == 1;
    if (*found == FuncType::of("iiii", "i"))
      resume_form_ = ResumeForm::bytes;
    else if (*found == FuncType::of("ii", "") || *found == FuncType::of("ii", "i"))
      resume_form_ = ResumeForm::value32;
    else if (*found == FuncType::of("iI", "") || *found == FuncType::of("iI", "i"))
      resume_form_ = ResumeForm::value64;
    else
      return bad(names.resume, signatures(*found, "(i32, i32, i32, i32) -> (i32), or a form of the name mapping"));
  } else if (contract) {
    return missing(names.resume);
  }
  if (const FuncType* found = of(names.result)) {
    result_is_64_ = *found == FuncType::of("", "I");
    if (!result_is_64_ && *found != FuncType::of("", "i"))
      return bad(names.result, signatures(*found, "() -> (i32) or () -> (i64)"));
  }

  auto is_role = [&](const std::string& name) {
    for (const Fixed& role : fixed) {
      if (name == role.name && name != names.probe) return true;
    }
    return name == names.pump || name == names.resume || name == names.result;
  };
  for (const engine::ExportType& item : module.exports()) {
    if (item.type.kind != ExternKind::func || is_role(item.name)) continue;
    const FuncType& type = item.type.func;
    if (type == FuncType::of("ii", "i"))
      entries_[item.name] = {{}, true, true};
    else if (!contract && (type == FuncType::of("", "i") || type == FuncType::of("", "")))
      entries_[item.name] = {{}, false, false};
    else
      entries_[item.name].wrong = type.to_string();
  }
  return imports_.check(module);
}

// P3: nothing enters the guest while guest code of it is on a stack, running or preempted.
Result<> ModuleGuest::at_top(std::string_view what) const {
  if (between_drains_) return {};
  if (store_->entered())
    return fail(Code::bad_state,
                concat(what, ": attempted from inside a guest call; the host acts from the top of the stack only"));
  if (fiber_) return fail(Code::bad_state, concat(what, ": attempted while a pump turn is suspended in the middle"));
  return {};
}

Result<std::uint32_t> ModuleGuest::number(const Func& func) {
  RawVal v[1] = {};
  auto done = store_->call(func, v);
  if (done) return v[0].u32;
  return std::unexpected(std::move(done).error());
}

// A block of the guest's allocator with these bytes; 0 for none. The pointer is checked before a byte is written.
Result<std::uint32_t> ModuleGuest::put(View bytes) {
  if (bytes.empty()) return 0u;
  if (!alloc_)
    return fail(Code::missing_export,
                concat("passing bytes to the guest: it exports no \"", options_.names.alloc, "\""));
  if (bytes.size() > 0xffffffffu)
    return fail(Code::limit, concat("passing ", bytes.size(), " bytes to the guest: more than its memory can hold"));
  RawVal v[1] = {{.u32 = static_cast<std::uint32_t>(bytes.size())}};
  CRANK_TRY_VOID(store_->call(alloc_, v));
  std::uint32_t pointer = v[0].u32;
  if (pointer == 0)
    return fail(Code::limit, concat("passing ", bytes.size(), " bytes to the guest: it has no memory for them"));
  std::size_t size = store_->memory_size(memory_);
  if (pointer > size || bytes.size() > size - pointer)
    return std::unexpected(protocol(
        concat(options_.names.alloc, "(", bytes.size(), ") gave ", pointer, ", but its memory ends at ", size)));
  std::memcpy(store_->memory_base(memory_) + pointer, bytes.data(), bytes.size());
  return pointer;
}

Result<std::uint32_t> ModuleGuest::enter(std::string_view name, View argument) {
  CRANK_TRY_VOID(at_top(concat("calling \"", name, "\"")));
  auto found = entries_.find(std::string(name));
  if (found == entries_.end())
    return fail(Code::missing_export, concat("calling \"", name, "\": the reactor has no such entry"));
  const Entry& entry = found->second;
  if (!entry.wrong.empty())
    return fail(Code::bad_type,
                concat("calling \"", name, "\": it has the type ", entry.wrong, ", an entry has (i32, i32) -> (i32)"));
  RawVal v[2] = {};
  if (entry.takes_bytes) {
    CRANK_TRY(std::uint32_t pointer, put(argument));
    v[0].u32 = pointer;
    v[1].u32 = static_cast<std::uint32_t>(argument.size());
  } else if (!argument.empty()) {
    return fail(Code::bad_argument, concat("calling \"", name, "\": it takes no argument"));
  }
  CRANK_TRY_VOID(store_->call(entry.func, v));
  return entry.gives_task ? v[0].u32 : only_task;
}

Result<std::optional<Pumped>> ModuleGuest::pump(std::uint32_t budget) {
  CRANK_TRY_VOID(at_top("pumping"));
  if (!pump_ || !options_.drive) return std::optional(Pumped{});
  RawVal v[1] = {{.u32 = budget}};
  if (between_drains_) return fail(Code::bad_state, "pumping: a pump turn is under way");
  CRANK_TRY(fiber_, store_->start(pump_, std::span<const RawVal>(v, pump_takes_budget_ ? 1 : 0), 1));
  budget_ = budget;
  fiber_->user = this;
  if (pump_form_ == PumpForm::packed) {
    fiber_->more = [](engine::Fiber& fiber) noexcept {
      auto& self = *static_cast<ModuleGuest*>(fiber.user);
      std::uint64_t packed = fiber.values()[0].u64;
      self.between_drains_ = true;
      bool again = self.imports_.host().on_drained(
          {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)});
      self.between_drains_ = false;
      if (again) fiber.values()[0].u32 = self.budget_;
      return again;
    };
  }
  return go_on();
}

Result<std::optional<Pumped>> ModuleGuest::go_on() {
  if (store_->entered())
    return fail(Code::bad_state,
                "pumping: attempted from inside a guest call; the host pumps from the top of the stack only");
  if (!fiber_) return fail(Code::bad_state, "going on with a pump turn: none is suspended");
  if (fiber_->poll() != engine::Fiber::State::done) return std::optional<Pumped>();
  engine::FiberRef over = std::move(fiber_);
  if (!over->result()) return std::unexpected(over->result().error());
  Pumped out;
  switch (pump_form_) {
    case PumpForm::packed:
      out.ran = static_cast<std::uint32_t>(over->values()[0].u64);
      out.ready = static_cast<std::uint32_t>(over->values()[0].u64 >> 32);
      return std::optional(out);
    case PumpForm::ran: out.ran = over->values()[0].u32; break;
    default: break;
  }
  over.reset();
  CRANK_TRY(out.ready, number(pending_));
  return std::optional(out);
}

Result<Resumed> ModuleGuest::resume(std::uint32_t token, Status status, View payload) {
  CRANK_TRY_VOID(at_top("resuming"));
  if (resume_form_ == ResumeForm::none)
    return fail(Code::missing_export, concat("resuming: the module exports no \"", options_.names.resume, "\""));
  if (resume_form_ != ResumeForm::bytes) {
    // A module of this form cannot be told of errors: it gets 0.
    std::uint64_t value = 0;
    std::memcpy(&value, payload.data(), status == Status::ok ? std::min<std::size_t>(payload.size(), 8) : 0);
    RawVal v[2] = {{.u32 = token}, {.u64 = value}};
    CRANK_TRY_VOID(store_->call(resume_, v));
    return resume_answers_ && v[0].u32 != 0 ? Resumed::unknown : Resumed::accepted;
  }
  std::uint32_t pointer = 0;
  if (auto put_there = put(payload); put_there) {
    pointer = *put_there;
  } else if (put_there.error().code() == Code::limit) {
    status = Status::limit;  // an answer larger than its memory is an answer, not the guest's end
    payload = {};
  } else {
    return std::unexpected(std::move(put_there).error());
  }
  RawVal v[4] = {{.u32 = token},
                 {.u32 = static_cast<std::uint32_t>(status)},
                 {.u32 = pointer},
                 {.u32 = static_cast<std::uint32_t>(payload.size())}};
  CRANK_TRY_VOID(store_->call(resume_, v));
  if (v[0].u32 == 0) return Resumed::accepted;
  auto refused = v[0].u32 > 3 ? Resumed::unknown : static_cast<Resumed>(v[0].u32);
  if (pointer != 0 && free_) {
    RawVal f[2] = {{.u32 = pointer}, {.u32 = static_cast<std::uint32_t>(payload.size())}};
    CRANK_TRY_VOID(store_->call(free_, f));
  }
  return refused;
}

Result<bool> ModuleGuest::cancel(std::uint32_t task) {
  CRANK_TRY_VOID(at_top("cancelling"));
  if (!cancel_) return false;
  RawVal v[1] = {{.u32 = task}};
  CRANK_TRY_VOID(store_->call(cancel_, v));
  return v[0].u32 == 0;
}

Result<std::int64_t> ModuleGuest::deadline() {
  if (!deadline_) return std::int64_t{-1};
  CRANK_TRY_VOID(at_top("asking for the next timer"));
  RawVal v[1] = {};
  CRANK_TRY_VOID(store_->call(deadline_, v));
  return v[0].i64;
}

std::string ModuleGuest::describe(std::uint32_t task) {
  if (!describe_ || !at_top("describing")) return {};
  RawVal v[1] = {{.u32 = task}};
  if (!store_->call(describe_, v)) return {};
  auto pointer = static_cast<std::uint32_t>(v[0].u64 >> 32), length = static_cast<std::uint32_t>(v[0].u64);
  std::size_t size = store_->memory_size(memory_);
  if (pointer > size || length > size - pointer || length > 4096) return {};
  return std::string(reinterpret_cast<const char*>(store_->memory_base(memory_)) + pointer, length);
}

Result<std::optional<Bytes>> ModuleGuest::poll_done() {
  if (!done_) return std::optional<Bytes>();
  CRANK_TRY(std::uint32_t over, number(done_));
  if (over == 0) return std::optional<Bytes>();
  Bytes answer;
  if (result_) {
    RawVal v[1] = {};
    CRANK_TRY_VOID(store_->call(result_, v));
    answer.resize(result_is_64_ ? 8 : 4);
    std::memcpy(answer.data(), &v[0], answer.size());
  }
  return std::optional(std::move(answer));
}

Result<std::unique_ptr<Guest>> make_module_guest(std::shared_ptr<engine::Engine> engine, const engine::Module& module,
                                                 GuestHost& host, ModuleOptions options) {
  engine::Engine::Presence presence(*engine);  // its start and _initialize may loop
  auto guest = std::make_unique<ModuleGuest>(engine, host, std::move(options));
  CRANK_TRY_VOID(guest->load(module));
  return guest;
}

}  // namespace crank::reactor
