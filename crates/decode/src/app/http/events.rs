//! What can be odd about an exchange, by the names that rules and records know.

use event::Direction;

/// Every name, as the table of protocols offers it.
pub(super) const NAMES: &[&str] = &[
    "unknown_error",
    "gzip_decompression_failed",
    "request_field_missing_colon",
    "response_field_missing_colon",
    "invalid_request_chunk_len",
    "invalid_response_chunk_len",
    "invalid_transfer_encoding_value_in_request",
    "invalid_transfer_encoding_value_in_response",
    "invalid_content_length_field_in_request",
    "invalid_content_length_field_in_response",
    "duplicate_content_length_field_in_request",
    "duplicate_content_length_field_in_response",
    "content_length_extra_data_start",
    "content_length_extra_data_end",
    "100_continue_already_seen",
    "unable_to_match_response_to_request",
    "invalid_server_port_in_request",
    "invalid_authority_port",
    "request_header_invalid",
    "response_header_invalid",
    "response_header_name_not_token",
    "missing_host_header",
    "host_header_ambiguous",
    "invalid_request_field_folding",
    "invalid_response_field_folding",
    "request_field_too_long",
    "response_field_too_long",
    "request_line_invalid",
    "request_body_unexpected",
    "response_body_unexpected",
    "request_server_port_tcp_port_mismatch",
    "request_uri_host_invalid",
    "request_header_host_invalid",
    "request_auth_unrecognized",
    "request_header_repetition",
    "response_header_repetition",
    "double_encoded_uri",
    "uri_delim_non_compliant",
    "method_delim_non_compliant",
    "request_line_leading_whitespace",
    "request_line_missing_protocol",
    "request_line_unknown_method",
    "request_line_unknown_method_no_protocol",
    "request_line_unknown_method_invalid_protocol",
    "request_line_incomplete",
    "request_invalid_empty_name",
    "request_invalid_lws_after_name",
    "response_invalid_empty_name",
    "response_invalid_lws_after_name",
    "request_chunk_extension",
    "response_chunk_extension",
    "request_too_many_headers",
    "response_too_many_headers",
    "too_many_encoding_layers",
    "request_too_many_lzma_layers",
    "response_too_many_lzma_layers",
    "abnormal_ce_header",
    "response_multipart_byteranges",
    "response_abnormal_transfer_encoding",
    "response_chunked_old_proto",
    "response_invalid_protocol",
    "response_invalid_status",
    "protocol_contains_extra_data",
    "switching_proto_with_content_length",
    "deformed_eol",
    "invalid_gap",
    "lzma_memlimit_reached",
    "compression_bomb",
    "compression_bomb_limit_reached",
    "multipart_generic_error",
    "multipart_no_filedata",
    "multipart_invalid_header",
    "too_many_warnings",
    "range_invalid",
    "file_name_too_long",
    "failed_protocol_change",
];

/// Most different events of one transaction: every name once in each direction.
const MAX_EVENTS: usize = 2 * NAMES.len();

/// What was odd about one exchange, each once.
#[derive(Debug, Default)]
pub(super) struct Events {
    seen: Vec<(&'static str, Direction)>,
}

impl Events {
    /// Notes `name`, unless it was.
    pub(super) fn raise(&mut self, name: &'static str, direction: Direction) {
        debug_assert!(NAMES.contains(&name), "{name} is not in the table");
        if self.seen.len() < MAX_EVENTS && !self.seen.contains(&(name, direction)) {
            self.seen.push((name, direction));
        }
    }

    /// All, in the order they were noted.
    pub(super) fn all(&self) -> &[(&'static str, Direction)] {
        &self.seen
    }
}
