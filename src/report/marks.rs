//! Marks on a drawn chart: open arrows for what is only known to be beyond, rings around points that
//! others hide.

use kuva::render::color::Color;
use kuva::render::layout::ComputedLayout;
use kuva::render::render::{PathData, Primitive, Scene};

use super::series::{Mark, Series};

/// An arrow's length, the half of its shaft's and of its head's width, and the head's length.
const ARROW: (f64, f64, f64, f64) = (24.0, 2.5, 6.5, 10.0);

/// How far a marker reaches beyond its place, in pixels.
const MARKER: f64 = 8.0;

/// From an arrow to the next of the same place.
const BESIDE: f64 = 15.0;

/// Points that are nearer than this to each other hide each other: of series of points, and of lines,
/// which may come near to each other at many places.
const NEAR: (f64, f64) = (3.0, 1.0);

/// The radius of the first ring, and from one to the next.
const RING: (f64, f64) = (8.0, 3.5);

/// Everything that is drawn over the series.
pub(super) fn marks(series: &[Series], computed: &ComputedLayout) -> Vec<Primitive> {
    let mut marks = rings(series, computed);
    // Arrows that would lie on each other stand side by side.
    let mut places: Vec<(f64, f64)> = Vec::new();
    for one in series {
        for &(x, y) in &one.censored {
            let (x, y) = (computed.map_x(x), computed.map_y(y));
            let is_there =
                |other: &&(f64, f64)| (other.0 - x).abs() < NEAR.0 && (other.1 - y).abs() < NEAR.0;
            let count = places.iter().filter(is_there).count();
            places.push((x, y));
            marks.push(arrow(x + BESIDE * count as f64, y, one.colour));
        }
    }
    marks
}

/// Makes room for whole markers where the axes end at the data. An SVG document takes the room from
/// a definition, other pictures from the element.
pub(super) fn uncut(scene: &mut Scene) {
    for element in &mut scene.elements {
        let Primitive::ClipStart {
            x,
            y,
            width,
            height,
            id,
        } = element
        else {
            continue;
        };
        (*x, *y) = (*x - MARKER, *y - MARKER);
        (*width, *height) = (*width + 2.0 * MARKER, *height + 2.0 * MARKER);
        let head = format!("<clipPath id=\"{id}\">");
        let own = scene.defs.iter_mut().find(|def| def.starts_with(&head));
        if let Some(own) = own {
            *own = format!(
                "{head}<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/></clipPath>"
            );
        }
    }
}

/// An arrow up from where a value is known to lie beyond.
fn arrow(x: f64, y: f64, colour: &str) -> Primitive {
    let (length, shaft, head, tip) = ARROW;
    let (neck, top) = (y - length + tip, y - length);
    let outline = [
        (x - shaft, y),
        (x - shaft, neck),
        (x - head, neck),
        (x, top),
        (x + head, neck),
        (x + shaft, neck),
        (x + shaft, y),
    ];
    let corners = outline.map(|(x, y)| format!("{x:.2},{y:.2}"));
    Primitive::Path(Box::new(PathData {
        d: format!("M{} Z", corners.join(" L")),
        fill: None,
        stroke: Color::from(colour),
        stroke_width: 1.5,
        opacity: None,
        stroke_dasharray: None,
    }))
}

/// The markers of a series, in pixels.
struct Marked<'s> {
    colour: &'s str,
    is_joined: bool,
    places: Vec<(f64, f64)>,
}

impl Marked<'_> {
    /// Whether one of its markers hides one at this place.
    fn hides(&self, x: f64, y: f64, is_joined: bool) -> bool {
        let near = match self.is_joined || is_joined {
            true => NEAR.1,
            false => NEAR.0,
        };
        let within = |other: &(f64, f64)| {
            let (right, down) = (other.0 - x, other.1 - y);
            right * right + down * down < near * near
        };
        self.places.iter().any(within)
    }
}

/// Rings in the colours of the points that lie under another series' point.
fn rings(series: &[Series], computed: &ComputedLayout) -> Vec<Primitive> {
    let place = |&(x, y): &(f64, f64)| (computed.map_x(x), computed.map_y(y));
    let marked: Vec<Marked<'_>> = series
        .iter()
        .filter(|one| one.has_markers())
        .map(|one| Marked {
            colour: one.colour,
            is_joined: one.mark != Mark::Points,
            places: one.points.iter().map(place).collect(),
        })
        .collect();
    let mut rings = Vec::new();
    for (at, one) in marked.iter().enumerate() {
        for &(x, y) in &one.places {
            // The nearest ring is that of the point right below the one that is seen.
            let above = marked[at + 1..].iter();
            let above = above
                .filter(|other| other.hides(x, y, one.is_joined))
                .count();
            if above > 0 {
                let (first, next) = RING;
                rings.push(Primitive::Circle {
                    cx: x,
                    cy: y,
                    r: first + next * (above - 1) as f64,
                    fill: Color::None,
                    fill_opacity: None,
                    stroke: Some(Color::from(one.colour)),
                    stroke_width: Some(1.8),
                });
            }
        }
    }
    rings
}
