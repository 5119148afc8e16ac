//! Names of buffers as Suricata's records and analysis spell them.

use event::Buffer;

/// The name of a buffer in records: mostly the keyword, for the older buffers the old one.
#[must_use]
pub fn buffer_name(buffer: Buffer) -> &'static str {
    match buffer {
        Buffer::FileData | Buffer::HttpResponseBody => "file_data",
        Buffer::HttpMethod => "http_method",
        Buffer::HttpUri => "http_uri",
        Buffer::HttpUriRaw => "http_raw_uri",
        Buffer::HttpRequestLine => "http_request_line",
        Buffer::HttpResponseLine => "http_response_line",
        Buffer::HttpProtocol => "http_protocol",
        Buffer::HttpHeader => "http_header",
        Buffer::HttpHeaderRaw => "http_raw_header",
        Buffer::HttpHeaderNames => "http_header_names",
        Buffer::HttpRequestHeader => "http_request_header",
        Buffer::HttpResponseHeader => "http_response_header",
        Buffer::HttpStart => "http_start",
        Buffer::HttpCookie => "http_cookie",
        Buffer::HttpUserAgent => "http_user_agent",
        Buffer::HttpHost => "http_host",
        Buffer::HttpHostRaw => "http_raw_host",
        Buffer::HttpStatCode => "http_stat_code",
        Buffer::HttpStatMsg => "http_stat_msg",
        Buffer::HttpRequestBody => "http_client_body",
        Buffer::DnsQuery => "dns_query",
        Buffer::Ja3Hash => "ja3.hash",
        Buffer::Payload => "payload",
        other => other.as_str(),
    }
}

/// The name under which records tell the entropy of a buffer.
#[must_use]
pub fn entropy_name(buffer: Buffer) -> &'static str {
    match buffer {
        Buffer::Payload => "content",
        other => buffer_name(other),
    }
}
