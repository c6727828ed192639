# Varnish before a hub, for sites that have Varnish in the path anyway: it stores nothing of a hub's.
# Needs Varnish 6 or newer. It speaks HTTP/1.1 without TLS: put TLS before it.
vcl 4.1;

backend headwater {
  .host = "127.0.0.1";
  .port = "8080";
  # The hub sends a heartbeat every 4 s; a blocking GET answers within its `wait`, at most 600 s.
  .first_byte_timeout = 610s;
  .between_bytes_timeout = 60s;
}

sub vcl_recv {
  # Everything that a hub answers is of this moment.
  if (req.url ~ "/stream(\?|$)") {
    # Varnish would unpack and hold back a stream in gzip.
    unset req.http.Accept-Encoding;
  }
  return (pass);
}

sub vcl_backend_response {
  set beresp.do_stream = true;
}
