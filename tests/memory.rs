//! Whether large memory lies where it was meant to, as the system tells.

use unisono::nn::kernel::Buffer;

/// The flags of the mapping that `address` lies in (Linux).
fn flags(address: usize) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
    let holds = |line: &&str| {
        let range = line.split(' ').next().and_then(|word| word.split_once('-'));
        let hex = |text: &str| usize::from_str_radix(text, 16).ok();
        let ends = range.and_then(|(first, end)| Some(hex(first)?..hex(end)?));
        ends.is_some_and(|ends| ends.contains(&address))
    };
    let mut lines = maps.lines().skip_while(|line| !holds(line));
    let flags = lines.find_map(|line| line.strip_prefix("VmFlags:"))?;
    Some(flags.to_owned())
}

#[test]
fn the_system_was_asked_to_keep_large_and_many_small_buffers_on_huge_pages() {
    let has_huge_pages = std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists();
    // The small ones are cut from slabs, of which the first of a thread are smaller than a huge
    // page.
    let small: Vec<Buffer> = (0..100).map(|_| Buffer::zeros(1 << 14)).collect();
    let large = Buffer::zeros(1 << 20);
    for buffer in [&large, &small[99]] {
        match flags(buffer.as_ptr().addr()) {
            Some(flags) if has_huge_pages => {
                assert!(flags.split(' ').any(|flag| flag == "hg"), "{flags}");
            }
            _ => println!("skipped: this system has no huge pages, or does not tell"),
        }
    }
}
