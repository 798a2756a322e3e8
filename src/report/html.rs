//! A page of results that stands alone: HTML with its charts and pictures inside, no script,
//! nothing from elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chart::Chart;

/// Its style; widths in characters, so that a page is readable at any zoom.
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ccc}\
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}td,th{padding:.15rem .6rem;border-bottom:1px solid #ddd;text-align:right}\
td:first-child,th:first-child{text-align:left}pre{background:#f5f5f5;padding:.8rem;overflow-x:auto;font-size:.85rem}\
figure{margin:1rem 0}figure svg{max-width:100%;height:auto}figcaption{color:#444;font-size:.9rem}\
table.facts td{text-align:left}table.facts td:first-child{white-space:nowrap;vertical-align:top}table.facts td{overflow-wrap:anywhere}\
figure svg{background:#fff}@media(max-width:50rem){table{display:block;overflow-x:auto}}\
@media(prefers-color-scheme:dark){body{color:#e4e4e4;background:#181818}h2{border-color:#555}td,th{border-color:#444}\
a{color:#8ab4f8}pre{background:#262626}figcaption{color:#bbb}figure svg{border-radius:6px}}\
.pictures{display:flex;flex-wrap:wrap;gap:.6rem}.pictures figure{margin:0;text-align:center}.pictures img{width:72px;height:72px;object-fit:contain;image-rendering:pixelated;border:1px solid #ccc}";

/// A report as an HTML page, which grows from top to bottom.
///
/// ```
/// use unisono::report::HtmlReport;
/// let mut page = HtmlReport::new("Loss < 1");
/// page.heading("Figures").table(&["run", "loss"], &[vec!["first".to_owned(), "0.5".to_owned()]]);
/// let html = page.html();
/// assert!(html.starts_with("<!doctype html>") && html.contains("<title>Loss &lt; 1</title>"));
/// assert!(html.contains("<td>first</td><td>0.5</td>"));
/// ```
#[derive(Clone, Debug)]
pub struct HtmlReport {
    title: String,
    body: String,
}

impl HtmlReport {
    /// An empty page.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            body: String::new(),
        }
    }

    /// Begins a part.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.add(format!("<h2>{}</h2>", escaped(text)))
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.add(format!("<p>{}</p>", escaped(text)))
    }

    /// Adds text as it was typed.
    pub fn verbatim(&mut self, text: &str) -> &mut Self {
        self.add(format!("<pre>{}</pre>", escaped(text)))
    }

    /// Adds names and what they are, a line each.
    ///
    /// ```
    /// use unisono::report::HtmlReport;
    /// let mut page = HtmlReport::new("Run");
    /// page.facts([("seed", "42".to_owned())]);
    /// assert!(page.html().contains("<td>seed</td><td>42</td>"));
    /// ```
    pub fn facts<N: AsRef<str>>(
        &mut self,
        facts: impl IntoIterator<Item = (N, String)>,
    ) -> &mut Self {
        let row = |(name, value): (N, String)| {
            let (name, value) = (escaped(name.as_ref()), escaped(&value));
            format!("<tr><td>{name}</td><td>{value}</td></tr>\n")
        };
        let rows: String = facts.into_iter().map(row).collect();
        self.add(format!("<table class=\"facts\">\n{rows}</table>"))
    }

    /// Adds a table.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Self {
        let cells = |row: &mut dyn Iterator<Item = &str>, tag: &str| -> String {
            row.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)))
                .collect()
        };
        let head = cells(&mut head.iter().copied(), "th");
        let row = |row: &Vec<String>| {
            let cells = cells(&mut row.iter().map(String::as_str), "td");
            format!("<tr>{cells}</tr>\n")
        };
        let rows: String = rows.iter().map(row).collect();
        self.add(format!("<table>\n<tr>{head}</tr>\n{rows}</table>"))
    }

    /// Adds an SVG document with what is to be seen in it.
    pub fn figure(&mut self, svg: &str, caption: &str) -> &mut Self {
        self.add(format!(
            "<figure>{}<figcaption>{}</figcaption></figure>",
            in_html(svg),
            escaped(caption)
        ))
    }

    /// Adds a chart with what is to be seen in it, and behind a link its numbers as a CSV table of
    /// this name.
    ///
    /// ```
    /// use unisono::report::{HtmlReport, LineChart};
    /// let chart = LineChart::new("loss", "step", "nats").line("train", vec![(0.0, 2.3), (1.0, 1.1)]);
    /// let mut page = HtmlReport::new("Run");
    /// page.chart("loss", &chart, "Falls.");
    /// assert!(page.html().contains("<a download=\"loss.csv\" href=\"data:text/csv;base64,"));
    /// ```
    pub fn chart(&mut self, name: &str, chart: &dyn Chart, caption: &str) -> &mut Self {
        let svg = chart.svg();
        let (svg, caption, name) = (in_html(&svg), escaped(caption), escaped(name));
        let csv = STANDARD.encode(chart.csv());
        self.add(format!(
            "<figure>{svg}<figcaption>{caption} <a download=\"{name}.csv\" href=\"data:text/csv;base64,{csv}\">CSV</a></figcaption></figure>"
        ))
    }

    /// Adds small pictures in a row, each a PNG file and its caption.
    pub fn pictures(&mut self, pictures: &[(Vec<u8>, String)]) -> &mut Self {
        let picture = |(png, caption): &(Vec<u8>, String)| {
            let (data, caption) = (STANDARD.encode(png), escaped(caption));
            format!(
                "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\"><figcaption>{caption}</figcaption></figure>\n"
            )
        };
        let pictures: String = pictures.iter().map(picture).collect();
        self.add(format!("<div class=\"pictures\">{pictures}</div>"))
    }

    /// Adds words in a row, each shaded by how much it counts: blue for, orange against.
    ///
    /// ```
    /// use unisono::report::HtmlReport;
    /// let mut page = HtmlReport::new("Words");
    /// page.shaded_words(&[("good".to_owned(), 2.0), ("but".to_owned(), -1.0)]);
    /// assert!(page.html().contains("rgba(0,114,178,1.00)\" title=\"+2.0000\">good</span>"));
    /// ```
    pub fn shaded_words(&mut self, words: &[(String, f32)]) -> &mut Self {
        let most = words
            .iter()
            .map(|word| word.1.abs())
            .fold(f32::MIN_POSITIVE, f32::max);
        let span = |(word, value): &(String, f32)| {
            let share = value.abs() / most;
            let colour = if *value < 0.0 {
                "213,94,0"
            } else {
                "0,114,178"
            };
            let text = if share > 0.6 { "color:#fff;" } else { "" };
            format!(
                "<span style=\"{text}background:rgba({colour},{share:.2})\" title=\"{value:+.4}\">{}</span>\n",
                escaped(word)
            )
        };
        let words: String = words.iter().map(span).collect();
        self.add(format!("<p class=\"words\">{words}</p>"))
    }

    /// The whole document.
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"unisono\"><meta name=\"viewport\" content=\"width=device-width\">\
             <link rel=\"icon\" href=\"data:,\"><title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{}</body></html>\n",
            self.body
        )
    }

    fn add(&mut self, text: String) -> &mut Self {
        self.body += &text;
        self.body.push('\n');
        self
    }
}

/// An SVG document without its XML head, which has no place inside HTML.
fn in_html(svg: &str) -> &str {
    svg.find("<svg").map_or(svg, |at| &svg[at..])
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
