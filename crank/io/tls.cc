#include "crank/io/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <memory>

#include "crank/io/tls_internal.h"

namespace crank::io {
namespace {

template <auto free>
struct Free {
  void operator()(auto* object) const { free(object); }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;
using Bio = Owned<BIO, BIO_free_all>;
using Certificate = Owned<X509, X509_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;

std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (!code) return "unknown reason";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : concat("error ", code);
}

Bio memory_of(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// A socket BIO that never raises SIGPIPE: a library has no business changing the process's signals.
int bio_write(BIO* bio, const char* data, int size) {
  const auto n = ::send(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), data,
                        static_cast<std::size_t>(size), MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}
int bio_read(BIO* bio, char* data, int size) {
  const auto n = ::recv(static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))), data,
                        static_cast<std::size_t>(size), 0);
  BIO_clear_retry_flags(bio);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* socket_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_control);
    return m;
  }();
  return method;
}

}  // namespace

namespace detail {

struct TlsState {
  Owned<SSL_CTX, SSL_CTX_free> context;
};

Result<ssl_st*> new_session(const TlsContext& context, int socket, const std::string& name, bool as_client) {
  if (!context) return fail(Code::bad_argument, "starting TLS: no TLS settings were given");
  Owned<SSL, SSL_free> session(SSL_new(context.state()->context.get()));
  BIO* bio = session ? BIO_new(socket_method()) : nullptr;
  if (!bio) return fail(Code::limit, concat("starting TLS: ", openssl_reason()));
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(session.get(), bio, bio);
  SSL_set_mode(session.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (as_client) {
    SSL_set_connect_state(session.get());
    // An address is verified as an address and is not sent as a name.
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), name.c_str()) != 1) {
      ERR_clear_error();
      SSL_set_tlsext_host_name(session.get(), name.c_str());
      SSL_set1_host(session.get(), name.c_str());
    }
  } else {
    SSL_set_accept_state(session.get());
  }
  return session.release();
}

void free_session(ssl_st* session) noexcept { SSL_free(session); }

namespace {
TlsStep outcome(ssl_st* session, int result, std::size_t bytes, std::string_view what) {
  if (result > 0) return {TlsStep::nothing, bytes};
  switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ: return {TlsStep::read};
    case SSL_ERROR_WANT_WRITE: return {TlsStep::write};
    case SSL_ERROR_ZERO_RETURN: return {TlsStep::nothing, std::size_t{0}};
    case SSL_ERROR_SYSCALL:
      if (ERR_peek_error() == 0)
        return {TlsStep::nothing, fail(Code::io, concat(what, ": the connection closed inside a TLS session"))};
      [[fallthrough]];
    default: {
      const auto verify = SSL_get_verify_result(session);
      if (verify != X509_V_OK) {
        ERR_clear_error();
        return {TlsStep::nothing,
                fail(Code::verification,
                     concat(what, ": the certificate was refused: ", X509_verify_cert_error_string(verify)))};
      }
      return {TlsStep::nothing, fail(Code::protocol, concat(what, ": ", openssl_reason()))};
    }
  }
}
}  // namespace

TlsStep tls_handshake(ssl_st* session) {
  ERR_clear_error();
  return outcome(session, SSL_do_handshake(session), 1, "TLS handshake");
}
TlsStep tls_read(ssl_st* session, std::span<std::byte> into) {
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_read_ex(session, into.data(), into.size(), &n);
  return outcome(session, result, n, "receiving over TLS");
}
TlsStep tls_write(ssl_st* session, std::span<const std::byte> bytes) {
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_write_ex(session, bytes.data(), bytes.size(), &n);
  return outcome(session, result, n, "sending over TLS");
}
void tls_shutdown(ssl_st* session) noexcept {
  ERR_clear_error();
  SSL_shutdown(session);
  ERR_clear_error();
}

}  // namespace detail

Result<TlsContext> TlsContext::client(std::string_view authorities, bool only_these) {
  auto state = std::make_shared<detail::TlsState>();
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!state->context) return fail(Code::limit, concat("setting up TLS: ", openssl_reason()));
  SSL_CTX* context = state->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!only_these) SSL_CTX_set_default_verify_paths(context);
  if (!authorities.empty()) {
    auto bio = memory_of(authorities);
    int count = 0;
    while (Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
      ++count;
    }
    ERR_clear_error();
    if (!count) return fail(Code::bad_argument, "reading TLS authorities: there is no PEM certificate in them");
  }
  TlsContext made;
  made.state_ = std::move(state);
  return made;
}

Result<TlsContext> TlsContext::server(std::string_view chain, std::string_view key_pem) {
  auto state = std::make_shared<detail::TlsState>();
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  if (!state->context) return fail(Code::limit, concat("setting up TLS: ", openssl_reason()));
  SSL_CTX* context = state->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  auto chain_bio = memory_of(chain);
  Certificate leaf(PEM_read_bio_X509(chain_bio.get(), nullptr, nullptr, nullptr));
  auto key_bio = memory_of(key_pem);
  Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (!leaf || !key)
    return fail(Code::bad_argument, concat("reading a TLS certificate and its key: ", openssl_reason()));
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return fail(Code::bad_argument, concat("using a TLS certificate and its key: ", openssl_reason()));
  while (X509* more = PEM_read_bio_X509(chain_bio.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context, more);
  ERR_clear_error();
  TlsContext made;
  made.state_ = std::move(state);
  return made;
}

namespace {

std::string pem_of(auto write) {
  Bio bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<Certificate> make_certificate(std::string_view name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                                     long serial, std::string_view subject_alternative) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24 * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.data()),
                             static_cast<int>(name.size()), -1, 0);
  X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer) : subject);
  const auto add = [&](int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer ? issuer : certificate.get(), certificate.get(), nullptr, nullptr, 0);
    Owned<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(certificate.get(), extension.get(), -1) == 1;
  };
  bool good = issuer ? add(NID_subject_alt_name, std::string(subject_alternative))
                     : add(NID_basic_constraints, "critical,CA:TRUE") && add(NID_key_usage, "critical,keyCertSign");
  good = good && X509_sign(certificate.get(), issuer_key, EVP_sha256()) != 0;
  if (!good) return fail(Code::unknown, concat("making a test certificate: ", openssl_reason()));
  return certificate;
}

}  // namespace

Result<TestAuthority> TestAuthority::make(std::string_view host) {
  Key authority_key(EVP_EC_gen("P-256")), key(EVP_EC_gen("P-256"));
  if (!authority_key || !key) return fail(Code::unknown, concat("making a test key: ", openssl_reason()));
  CRANK_TRY(auto authority,
            make_certificate("Crank test authority", authority_key.get(), nullptr, authority_key.get(), 1, {}));
  Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> address(a2i_IPADDRESS(std::string(host).c_str()));
  ERR_clear_error();
  CRANK_TRY(auto leaf, make_certificate(host, key.get(), authority.get(), authority_key.get(), 2,
                                        concat(address ? "IP:" : "DNS:", host)));
  TestAuthority made;
  made.authority_pem = pem_of([&](BIO* b) { PEM_write_bio_X509(b, authority.get()); });
  made.certificate_pem = pem_of([&](BIO* b) { PEM_write_bio_X509(b, leaf.get()); });
  made.private_key_pem =
      pem_of([&](BIO* b) { PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return made;
}

}  // namespace crank::io
