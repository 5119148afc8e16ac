//! Ways in which an action fails though the firewall took it; each is told with its reason.
