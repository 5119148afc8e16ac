//! What is counted about flows, by the names of EVE's `stats` records.

macro_rules! counters {
    ($($field:ident = $name:literal,)*) => {
        /// Counters of the flow table.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $(#[doc = concat!("`", $name, "`.")] pub $field: u64,)*
        }

        impl Counters {
            /// Names and values, in the order of the table.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    total = "flow.total",
    active = "flow.active",
    tcp = "flow.tcp",
    udp = "flow.udp",
    icmpv4 = "flow.icmpv4",
    icmpv6 = "flow.icmpv6",
    tcp_reuse = "flow.tcp_reuse",
    get_used = "flow.get_used",
    get_used_eval = "flow.get_used_eval",
    get_used_eval_reject = "flow.get_used_eval_reject",
    get_used_eval_busy = "flow.get_used_eval_busy",
    get_used_failed = "flow.get_used_failed",
    elephant = "flow.elephant",
    worker_spare_sync = "flow.wrk.spare_sync",
    worker_flows_evicted = "flow.wrk.flows_evicted",
    worker_flows_injected = "flow.wrk.flows_injected",
    end_closed = "flow.end.state.closed",
    end_established = "flow.end.state.established",
    end_new = "flow.end.state.new",
    end_bypassed = "flow.end.state.local_bypassed",
    manager_full_hash_pass = "flow.mgr.full_hash_pass",
    manager_rows_per_sec = "flow.mgr.rows_per_sec",
    manager_flows_checked = "flow.mgr.flows_checked",
    manager_flows_notimeout = "flow.mgr.flows_notimeout",
    manager_flows_timeout = "flow.mgr.flows_timeout",
    manager_flows_evicted = "flow.mgr.flows_evicted",
    memcap = "flow.memcap",
    emergency_entered = "flow.emerg_mode_entered",
    emergency_over = "flow.emerg_mode_over",
    memuse = "flow.memuse",
}
