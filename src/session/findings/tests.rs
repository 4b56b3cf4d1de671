//! Rules on sessions made by hand.
