// What the figures compare with: the same exchanges done by gSOAP. Counts come in by lines on stdin, figures go out.
//
//   measure cpu OPERATION RESPONSE PASSES
//                                      per line: CPU of that many exchanges in memory, in µs each. 2 passes: a request is
//                                      gone through once more for its length, as gSOAP's clients do unless told otherwise
//   measure client URL                 per line: that many Heartbeats, in µs each
//   measure central | point            serves Heartbeat or ReserveNow until stdin ends; first prints its URL
#include "wire.hpp"

#include "soapCentralSystemServiceSoapProxy.h"
#include "soapCentralSystemServiceSoapService.h"
#include "soapChargePointServiceSoapService.h"

#include <csignal>
#include <ctime>
#include <fstream>

const char *const message_id = "urn:uuid:5b1c1c1e-6d0f-4c62-9e3a-000000000001";
string identity = "CP-0001";

double microseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

void address(struct soap *soap, const char *to, const char *operation) {
  soap->header = NULL;
  soap_wsa_request(soap, message_id, to, operation);
  soap_wsa_add_From(soap, "http://cp/");
  soap_wsa_add_ReplyTo(soap, soap_wsa_anonymousURI);
  soap->header->ns1__chargeBoxIdentity = &identity;
}

void fail(struct soap *soap) {
  soap_print_fault(soap, stderr);
  exit(1);
}

void release(struct soap *soap) {
  soap_destroy(soap);
  soap_end(soap);
}

// ---- in memory -----------------------------------------------------------------------------------------------------

int passes = 2;

template <class Request> int put(struct soap *soap, const char *name, Request &request) {
  return soap_envelope_begin_out(soap) || soap_putheader(soap) || soap_body_begin_out(soap)
      || request.soap_put(soap, name, "") || soap_body_end_out(soap) || soap_envelope_end_out(soap);
}

template <class Request> void write(struct soap *soap, const char *action, const char *name, Request &request) {
  std::ostringstream sent;
  soap->os = &sent;
  address(soap, "http://cs/", action);
  soap_begin(soap);
  soap_set_version(soap, 2);
  soap_serializeheader(soap);
  request.soap_serialize(soap);
  if (passes == 2 && (soap_begin_count(soap) || put(soap, name, request) || soap_end_count(soap))) fail(soap);
  if (soap_begin_send(soap) || put(soap, name, request) || soap_end_send(soap)) fail(soap);
  soap->os = NULL;
}

template <class Response> void read(struct soap *soap, const char *name, const string &text) {
  std::istringstream arrived(text);
  Response response;
  response.soap_default(soap);
  soap->is = &arrived;
  if (soap_begin_recv(soap) || soap_envelope_begin_in(soap) || soap_recv_header(soap) || soap_body_begin_in(soap)
      || !response.soap_get(soap, name, "") || soap_body_end_in(soap) || soap_envelope_end_in(soap)
      || soap_end_recv(soap)) fail(soap);
  soap->is = NULL;
}

template <class Request, class Response> void exchanges(const string &name, const string &response, Request &request) {
  struct soap *soap = context(SOAP_IO_BUFFER);
  string action = "/" + name, asked = name, answered = name;
  asked[0] = answered[0] = tolower(name[0]);
  asked = "ns1:" + asked + "Request", answered = "ns1:" + answered + "Response";
  for (int count; std::cin >> count;) {
    double began = microseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; ++i) {
      write(soap, action.c_str(), asked.c_str(), request);
      read<Response>(soap, answered.c_str(), response);
      release(soap);
    }
    std::cout << (microseconds(CLOCK_PROCESS_CPUTIME_ID) - began) / count << std::endl;
  }
}

void boot(const string &response) {
  string serial = "SN-0001", version = "0.1.0", meter = "SDM120";
  ns1__BootNotificationRequest request;
  request.chargePointVendor = "Pilotwire";
  request.chargePointModel = "Bench";
  request.chargePointSerialNumber = &serial;
  request.firmwareVersion = &version;
  request.meterType = &meter;
  exchanges<ns1__BootNotificationRequest, ns1__BootNotificationResponse>("BootNotification", response, request);
}

void heartbeat(const string &response) {
  ns1__HeartbeatRequest request;
  exchanges<ns1__HeartbeatRequest, ns1__HeartbeatResponse>("Heartbeat", response, request);
}

void meter_values(const string &response) {
  auto context = ns1__ReadingContext__Sample_x002ePeriodic;
  auto format = ns1__ValueFormat__Raw;
  auto measurand = ns1__Measurand__Energy_x002eActive_x002eImport_x002eRegister;
  auto location = ns1__Location__Outlet;
  auto unit = ns1__UnitOfMeasure__Wh;
  int transaction = 4711;
  ns1__SampledValue sample;
  sample.value = "1234.5";
  sample.context = &context;
  sample.format = &format;
  sample.measurand = &measurand;
  sample.location = &location;
  sample.unit = &unit;
  ns1__MeterValue reading;
  reading.timestamp = 1772366400;
  std::vector<ns1__SampledValue> ten(10, sample);  // ten of them: one twice would be written as a reference
  for (auto &each : ten) reading.sampledValue.push_back(&each);
  ns1__MeterValuesRequest request;
  request.connectorId = 1;
  request.transactionId = &transaction;
  request.meterValue.push_back(&reading);
  exchanges<ns1__MeterValuesRequest, ns1__MeterValuesResponse>("MeterValues", response, request);
}

// ---- on loopback ---------------------------------------------------------------------------------------------------

void client(const char *url) {
  struct soap *soap = context(SOAP_IO_BUFFER);
  soap->max_keep_alive = 0;  // no limit
  for (int count; std::cin >> count;) {
    for (int i = 0; i < count; ++i) {
      ns1__HeartbeatRequest request;
      ns1__HeartbeatResponse response;
      double began = microseconds(CLOCK_MONOTONIC);
      address(soap, url, "/Heartbeat");
      CentralSystemServiceSoapProxy proxy(soap, url);
      if (proxy.Heartbeat(&request, response) || soap_wsa_check(soap)) fail(soap);
      std::cout << microseconds(CLOCK_MONOTONIC) - began << ' ';
      release(soap);
    }
    std::cout << std::endl;
  }
}

int reply(struct soap *soap, const char *action) {
  if (soap_wsa_check(soap) || soap_wsa_reply(soap, NULL, action)) return soap->error;
  soap->header->ns1__chargeBoxIdentity = soap->header->ns2__chargeBoxIdentity = NULL;
  return SOAP_OK;
}

struct Central : CentralSystemServiceSoapService {
  explicit Central(struct soap *soap) : CentralSystemServiceSoapService(soap) {}
  int Heartbeat(ns1__HeartbeatRequest *, ns1__HeartbeatResponse &response) override {
    response.currentTime = time(NULL);
    return reply(soap, "/HeartbeatResponse");
  }
};

struct Point : ChargePointServiceSoapService {
  explicit Point(struct soap *soap) : ChargePointServiceSoapService(soap) {}
  int ReserveNow(ns2__ReserveNowRequest *, ns2__ReserveNowResponse &response) override {
    response.status = ns2__ReservationStatus__Accepted;
    return reply(soap, "/ReserveNowResponse");
  }
};

template <class Service> void run() {
  struct soap *listener = context(SOAP_IO_BUFFER);
  listener->max_keep_alive = 0;
  std::cout << "http://127.0.0.1:" << serve<Service>(listener, 0) << "/" << std::endl;
  string line;
  while (std::getline(std::cin, line)) continue;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  string mode = argc > 1 ? argv[1] : "", what = argc > 2 ? argv[2] : "";
  std::stringstream response;
  if (argc > 4) passes = atoi(argv[4]);
  if (argc > 3) response << std::ifstream(argv[3]).rdbuf();
  if (mode == "cpu" && what == "Heartbeat") heartbeat(response.str());
  else if (mode == "cpu" && what == "BootNotification") boot(response.str());
  else if (mode == "cpu" && what == "MeterValues") meter_values(response.str());
  else if (mode == "client") client(what.c_str());
  else if (mode == "central") run<Central>();
  else if (mode == "point") run<Point>();
  else return 2;
  _exit(0);  // threads may be in the middle of serving
}
