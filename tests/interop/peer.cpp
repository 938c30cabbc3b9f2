// A foreign OCPP-S 1.6 peer on gSOAP: central system or charge point, told what to do by lines on stdin.
//
//   peer central PORT INTERVAL [INVALIDTAG]       peer chargepoint URL ID PORT       (port 0: any free one)
//
// Every message heard and every answer had is one line of JSON on stdout, the message in it as XML, written by gSOAP
// from what gSOAP understood. Addresses are loopback; the peer ends with its stdin.
#include "wire.hpp"

#include "soapCentralSystemServiceSoapProxy.h"
#include "soapCentralSystemServiceSoapService.h"
#include "soapChargePointServiceSoapProxy.h"
#include "soapChargePointServiceSoapService.h"

#include <atomic>
#include <csignal>

// ---- the central system --------------------------------------------------------------------------------------------

int heartbeat_interval_s;
string invalid_tag;
std::atomic<int> last_transaction(0);

struct Central : CentralSystemServiceSoapService {
  explicit Central(struct soap *soap) : CentralSystemServiceSoapService(soap) {}

  template <class Request> int take(const char *operation, Request *request) {
    return heard(soap, operation, request, &SOAP_ENV__Header::ns1__chargeBoxIdentity);
  }
  ns1__IdTagInfo *judge(const string &tag) {
    ns1__IdTagInfo *info = soap_new_ns1__IdTagInfo(soap);
    info->status = tag == invalid_tag ? ns1__AuthorizationStatus__Invalid : ns1__AuthorizationStatus__Accepted;
    return info;
  }
  int BootNotification(ns1__BootNotificationRequest *request, ns1__BootNotificationResponse &response) override {
    response.status = ns1__RegistrationStatus__Accepted;
    response.currentTime = time(NULL);
    response.interval = heartbeat_interval_s;
    return take("BootNotification", request);
  }
  int Heartbeat(ns1__HeartbeatRequest *request, ns1__HeartbeatResponse &response) override {
    response.currentTime = time(NULL);
    return take("Heartbeat", request);
  }
  int Authorize(ns1__AuthorizeRequest *request, ns1__AuthorizeResponse &response) override {
    response.idTagInfo = judge(request->idTag);
    return take("Authorize", request);
  }
  int StartTransaction(ns1__StartTransactionRequest *request, ns1__StartTransactionResponse &response) override {
    response.transactionId = ++last_transaction;
    response.idTagInfo = judge(request->idTag);
    return take("StartTransaction", request);
  }
  int MeterValues(ns1__MeterValuesRequest *request, ns1__MeterValuesResponse &) override {
    return take("MeterValues", request);
  }
  int StatusNotification(ns1__StatusNotificationRequest *request, ns1__StatusNotificationResponse &) override {
    return take("StatusNotification", request);
  }
  int StopTransaction(ns1__StopTransactionRequest *request, ns1__StopTransactionResponse &) override {
    return take("StopTransaction", request);
  }
};

void central(int port) {
  const soap_mode sending = SOAP_IO_BUFFER;
  string from = "http://127.0.0.1:" + std::to_string(serve<Central>(context(sending), port)) + "/";
  Line line = {context(sending), "", from, "", &SOAP_ENV__Header::ns2__chargeBoxIdentity};
  struct soap *soap = line.soap;
  typedef ChargePointServiceSoapProxy Proxy;
  auto about = [&line](Words &words) {  // the first word names the station; where it listens it has said itself
    std::lock_guard<std::mutex> held(addresses_mutex);
    line.to = addresses[line.identity = next<string>(words)];
  };
  tell({{"ready", from}});
  obey({
      {"reserve", [&](Words &words) {
         ns2__ReserveNowRequest request;
         about(words);
         request.connectorId = next<int>(words);
         request.reservationId = next<int>(words);
         request.idTag = next<string>(words);
         request.expiryDate = time(NULL) + next<int>(words);
         ask(line, "ReserveNow", &Proxy::ReserveNow, request);
       }},
      {"cancel", [&](Words &words) {
         ns2__CancelReservationRequest request;
         about(words);
         request.reservationId = next<int>(words);
         ask(line, "CancelReservation", &Proxy::CancelReservation, request);
       }},
      {"remotestart", [&](Words &words) {
         ns2__RemoteStartTransactionRequest request;
         about(words);
         int connector = next<int>(words);
         request.connectorId = &connector;
         request.idTag = next<string>(words);
         ask(line, "RemoteStartTransaction", &Proxy::RemoteStartTransaction, request);
       }},
      {"remotestop", [&](Words &words) {
         ns2__RemoteStopTransactionRequest request;
         about(words);
         request.transactionId = next<int>(words);
         ask(line, "RemoteStopTransaction", &Proxy::RemoteStopTransaction, request);
       }},
      {"trigger", [&](Words &words) {
         ns2__TriggerMessageRequest request;
         about(words);
         if (soap_s2ns2__MessageTrigger(soap, next<string>(words).c_str(), &request.requestedMessage))
           tell({{"problem", "no such trigger"}});
         else ask(line, "TriggerMessage", &Proxy::TriggerMessage, request);
       }},
      {"getconf", [&](Words &words) {  // no key: all of them
         ns2__GetConfigurationRequest request;
         about(words);
         for (string key; words >> key;) request.key.push_back(key);
         ask(line, "GetConfiguration", &Proxy::GetConfiguration, request);
       }},
      {"changeconf", [&](Words &words) {
         ns2__ChangeConfigurationRequest request;
         about(words);
         request.key = next<string>(words);
         request.value = rest(words);
         ask(line, "ChangeConfiguration", &Proxy::ChangeConfiguration, request);
       }},
  }, soap);
}

// ---- the charge point ----------------------------------------------------------------------------------------------

string own_identity;

struct ChargePoint : ChargePointServiceSoapService {
  explicit ChargePoint(struct soap *soap) : ChargePointServiceSoapService(soap) {}

  template <class Request> int take(const char *operation, Request *request) {
    const string *identity = soap->header ? soap->header->ns2__chargeBoxIdentity : NULL;
    if (!identity || *identity != own_identity)
      return soap_wsa_sender_fault_subcode(soap, "ns2:IdentityMismatch", "This is another charge box", NULL);
    return heard(soap, operation, request, &SOAP_ENV__Header::ns2__chargeBoxIdentity);
  }
  int ReserveNow(ns2__ReserveNowRequest *request, ns2__ReserveNowResponse &response) override {
    response.status = ns2__ReservationStatus__Accepted;
    return take("ReserveNow", request);
  }
  int CancelReservation(ns2__CancelReservationRequest *request, ns2__CancelReservationResponse &response) override {
    response.status = ns2__CancelReservationStatus__Accepted;
    return take("CancelReservation", request);
  }
  int RemoteStartTransaction(ns2__RemoteStartTransactionRequest *request,
                             ns2__RemoteStartTransactionResponse &response) override {
    response.status = ns2__RemoteStartStopStatus__Accepted;
    return take("RemoteStartTransaction", request);
  }
  int RemoteStopTransaction(ns2__RemoteStopTransactionRequest *request,
                            ns2__RemoteStopTransactionResponse &response) override {
    response.status = ns2__RemoteStartStopStatus__Accepted;
    return take("RemoteStopTransaction", request);
  }
  int GetConfiguration(ns2__GetConfigurationRequest *request, ns2__GetConfigurationResponse &response) override {
    ns2__KeyValue *known = soap_new_ns2__KeyValue(soap);
    known->key = "HeartbeatInterval";
    known->value = soap_new_std__string(soap);
    *known->value = "300";
    response.configurationKey.push_back(known);
    response.unknownKey = request->key;
    return take("GetConfiguration", request);
  }
};

void chargepoint(const string &url, const string &identity, int port) {
  own_identity = identity;
  const soap_mode sending = SOAP_IO_CHUNK;  // the other way to send a body that HTTP/1.1 knows
  string from = "http://127.0.0.1:" + std::to_string(serve<ChargePoint>(context(sending), port)) + "/";
  Line line = {context(sending), url, from, identity, &SOAP_ENV__Header::ns1__chargeBoxIdentity};
  struct soap *soap = line.soap;
  typedef CentralSystemServiceSoapProxy Proxy;
  tell({{"ready", from}});
  obey({
      {"boot", [&](Words &) {
         ns1__BootNotificationRequest request;
         string firmware = "2.8.124 \xc3\xa9 & <co>";  // text that wants escaping and UTF-8
         request.chargePointVendor = "Genivia";
         request.chargePointModel = "gSOAP";
         request.firmwareVersion = &firmware;
         ask(line, "BootNotification", &Proxy::BootNotification, request);
       }},
      {"heartbeat", [&](Words &) {
         ns1__HeartbeatRequest request;
         ask(line, "Heartbeat", &Proxy::Heartbeat, request);
       }},
      {"status", [&](Words &words) {
         ns1__StatusNotificationRequest request;
         request.connectorId = next<int>(words);
         request.errorCode = ns1__ChargePointErrorCode__NoError;
         if (soap_s2ns1__ChargePointStatus(soap, next<string>(words).c_str(), &request.status))
           tell({{"problem", "no such status"}});
         else ask(line, "StatusNotification", &Proxy::StatusNotification, request);
       }},
      {"authorize", [&](Words &words) {
         ns1__AuthorizeRequest request;
         request.idTag = next<string>(words);
         ask(line, "Authorize", &Proxy::Authorize, request);
       }},
      {"start", [&](Words &words) {
         ns1__StartTransactionRequest request;
         request.connectorId = next<int>(words);
         request.idTag = next<string>(words);
         request.meterStart = next<int>(words);
         request.timestamp = time(NULL);
         ask(line, "StartTransaction", &Proxy::StartTransaction, request);
       }},
      {"meter", [&](Words &words) {
         ns1__MeterValuesRequest request;
         ns1__MeterValue reading;
         ns1__SampledValue energy;
         auto measurand = ns1__Measurand__Energy_x002eActive_x002eImport_x002eRegister;
         auto context = ns1__ReadingContext__Sample_x002ePeriodic;
         auto unit = ns1__UnitOfMeasure__Wh;
         request.connectorId = next<int>(words);
         int transaction = next<int>(words);
         request.transactionId = &transaction;
         energy.value = next<string>(words);
         energy.measurand = &measurand;
         energy.context = &context;
         energy.unit = &unit;
         reading.timestamp = time(NULL);
         reading.sampledValue.push_back(&energy);
         request.meterValue.push_back(&reading);
         ask(line, "MeterValues", &Proxy::MeterValues, request);
       }},
      {"stop", [&](Words &words) {
         ns1__StopTransactionRequest request;
         auto reason = ns1__Reason__Local;
         request.transactionId = next<int>(words);
         string tag = next<string>(words);
         request.idTag = &tag;
         request.meterStop = next<int>(words);
         request.timestamp = time(NULL);
         request.reason = &reason;
         ask(line, "StopTransaction", &Proxy::StopTransaction, request);
       }},
  }, soap);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  string mode = argc > 1 ? argv[1] : "";
  if (mode == "central" && argc >= 4) {
    heartbeat_interval_s = atoi(argv[3]);
    if (argc > 4) invalid_tag = argv[4];
    central(atoi(argv[2]));
  } else if (mode == "chargepoint" && argc == 5) {
    chargepoint(argv[2], argv[3], atoi(argv[4]));
  }
  std::cerr << "peer central PORT INTERVAL [INVALIDTAG] | peer chargepoint URL ID PORT" << std::endl;
  return 2;
}
