//! The lab's addresses, as the menus and the list at the left have them.

/// The lab's middleboxes: a lab address that shows it, its name, explanation.
pub fn middlebox_addresses() -> Vec<(String, &'static str, &'static str)> {
    let all = crate::lab::MIDDLEBOXES.iter();
    all.map(|middlebox| (middlebox.example.to_owned(), middlebox.name, middlebox.explanation)).collect()
}

/// The lab's endpoints as addresses: address, push type, explanation.
pub fn lab_addresses() -> Vec<(String, &'static str, &'static str)> {
    crate::lab::ENDPOINTS
        .iter()
        .map(|endpoint| (format!("lab:{}", endpoint.name), endpoint.push_type, endpoint.explanation))
        .collect()
}
