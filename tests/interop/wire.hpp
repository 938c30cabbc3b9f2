// What both roles of the foreign peer share: telling in JSON lines, serving, asking, obeying lines of commands.
#pragma once
#include "CentralSystemServiceSoap.nsmap"
#include "soapH.h"
#include "wsaapi.h"

#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <unistd.h>

using std::string;
typedef string *SOAP_ENV__Header::*IdentityHeader;  // the two services have one each

// ---- telling -------------------------------------------------------------------------------------------------------

string quoted(const string &text) {
  std::ostringstream out;
  out << '"';
  for (unsigned char c : text) {
    char code[8];
    snprintf(code, sizeof code, c < ' ' || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
    out << code;
  }
  out << '"';
  return out.str();
}

void tell(const std::map<string, string> &line) {
  static std::mutex stdout_mutex;
  std::lock_guard<std::mutex> held(stdout_mutex);
  const char *separator = "{";
  for (auto &entry : line) {
    std::cout << separator << quoted(entry.first) << ": " << quoted(entry.second);
    separator = ", ";
  }
  std::cout << "}" << std::endl;
}

struct soap *context(soap_mode sending) {
  const soap_mode mode = SOAP_XML_STRICT | SOAP_C_UTFSTRING | SOAP_IO_KEEPALIVE;
  struct soap *soap = soap_new2(mode, mode | sending);
  soap_set_namespaces(soap, namespaces);
  soap_register_plugin(soap, soap_wsa);
  soap->send_timeout = soap->connect_timeout = 10;
  soap->recv_timeout = 30;
  soap->bind_flags = SO_REUSEADDR;
  return soap;
}

template <class Message> string xml(const Message &message) {
  std::ostringstream text;
  struct soap *writer = soap_new1(SOAP_XML_TREE | SOAP_C_UTFSTRING);
  soap_set_namespaces(writer, namespaces);
  writer->os = &text;
  soap_begin_send(writer) || message.soap_put(writer, "message", NULL) || soap_end_send(writer);
  soap_free(writer);
  return text.str();
}

void tell_fault(struct soap *soap, const string &what, const string &name) {
  soap_set_fault(soap);
  const char *subcode = soap_fault_subcode(soap), *reason = soap_fault_string(soap);
  tell({{what, name}, {"fault", *soap_faultcode(soap)}, {"subcode", subcode ? subcode : ""},
        {"reason", reason ? reason : ""}, {"status", std::to_string(soap->status)}});
}

// ---- serving -------------------------------------------------------------------------------------------------------

std::mutex addresses_mutex;
std::map<string, string> addresses;  // identity -> where its own server listens, as its last From said

template <class Request>
int heard(struct soap *soap, const string &operation, const Request *request, IdentityHeader identity) {
  if (soap_wsa_check(soap)) return soap->error;
  SOAP_ENV__Header *header = soap->header;
  string name = header->*identity ? *(header->*identity) : "";
  string from = header->wsa5__From && header->wsa5__From->Address ? header->wsa5__From->Address : "";
  {
    std::lock_guard<std::mutex> held(addresses_mutex);
    addresses[name] = from;
  }
  tell({{"heard", operation}, {"message", xml(*request)}, {"identity", name}, {"from", from},
        {"action", header->wsa5__Action}, {"to", header->wsa5__To ? header->wsa5__To : ""}});
  soap_wsa_reply(soap, NULL, ("/" + operation + "Response").c_str());
  soap->header->*identity = NULL;  // soap_wsa_reply copies it; it belongs to requests only
  return soap->error;
}

template <class Service> void serve_one(struct soap *connection) {
  Service service(connection);
  if (service.serve() && connection->error != SOAP_EOF) tell_fault(connection, "refused", "request");
  soap_destroy(connection);
  soap_end(connection);
  soap_free(connection);
}

template <class Service> int serve(struct soap *listener, int port) {  // a thread a connection; returns the port
  if (!soap_valid_socket(soap_bind(listener, "127.0.0.1", port, 10))) {
    soap_print_fault(listener, stderr);
    exit(1);
  }
  struct sockaddr_in bound;
  socklen_t size = sizeof bound;
  getsockname(listener->master, (struct sockaddr *)&bound, &size);
  std::thread([listener] {
    while (soap_valid_socket(soap_accept(listener))) std::thread(serve_one<Service>, soap_copy(listener)).detach();
  }).detach();
  return ntohs(bound.sin_port);
}

// ---- asking --------------------------------------------------------------------------------------------------------

struct Line {  // to whom, from where, about whom
  struct soap *soap;
  string to, from, identity;
  IdentityHeader header;
};

template <class Proxy, class Request, class Response>
void ask(Line &line, const string &operation, int (Proxy::*call)(Request *, Response &), Request &request) {
  struct soap *soap = line.soap;
  const string id = soap_wsa_rand_uuid(soap);
  soap->header = NULL;
  soap_wsa_request(soap, id.c_str(), line.to.c_str(), ("/" + operation).c_str());
  soap_wsa_add_From(soap, line.from.c_str());
  soap_wsa_add_ReplyTo(soap, soap_wsa_anonymousURI);
  soap->header->*line.header = &line.identity;
  Proxy proxy(soap, line.to.c_str());
  Response response;
  response.soap_default(soap);
  if ((proxy.*call)(&request, response) || soap_wsa_check(soap)) {
    tell_fault(soap, "answer", operation);
  } else {
    auto *relates = soap->header->wsa5__RelatesTo;
    tell({{"answer", operation}, {"message", xml(response)}, {"action", soap->header->wsa5__Action},
          {"related", relates && relates->__item && id == relates->__item ? "yes" : "no"}});
  }
}

typedef std::istringstream Words;
typedef std::map<string, std::function<void(Words &)>> Commands;

void obey(const Commands &commands, struct soap *soap) {
  for (string text; std::getline(std::cin, text);) {
    Words words(text);
    string verb;
    words >> verb;
    auto found = commands.find(verb);
    if (found == commands.end()) tell({{"problem", "no such command: " + text}});
    else found->second(words);
    soap_destroy(soap);
    soap_end(soap);
  }
  _exit(0);  // other threads may be in the middle of a call
}

template <class Value> Value next(Words &words) {
  Value value = Value();
  words >> value;
  return value;
}

string rest(Words &words) {  // what is left of the line may be empty or contain blanks
  string text;
  std::getline(words >> std::ws, text);
  return text;
}
