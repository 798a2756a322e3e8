//! Charts as SVG: arrows, rings, names, intervals and what stands below a title.

use super::{Chart, LineChart, StackedBars};

/// Blue and orange: the colours of the first two series.
const COLOURS: [&str; 2] = ["#0072B2", "#D55E00"];

/// The elements of an SVG document that begin with `<name `.
fn elements<'s>(svg: &'s str, name: &str) -> Vec<&'s str> {
    let parts = svg.split('<').filter(|part| part.starts_with(name));
    parts.filter_map(|part| part.split('>').next()).collect()
}

/// The open arrows of a colour.
fn arrows(svg: &str, colour: &str) -> usize {
    let of_colour = format!("stroke=\"{}\"", colour.to_lowercase());
    let is_arrow = |path: &&&str| {
        let path = path.to_lowercase();
        path.contains("fill=\"none\"") && path.contains(&of_colour) && path.contains(" z\"")
    };
    elements(svg, "path ").iter().filter(is_arrow).count()
}

/// The rings of a colour.
fn rings(svg: &str, colour: &str) -> usize {
    let of_colour = format!("stroke=\"{}\"", colour.to_lowercase());
    let is_ring = |circle: &&&str| {
        let circle = circle.to_lowercase();
        circle.contains("fill=\"none\"") && circle.contains(&of_colour)
    };
    elements(svg, "circle ").iter().filter(is_ring).count()
}

fn steps() -> LineChart {
    let points = vec![(8.0, 700.0), (16.0, 400.0), (32.0, 250.0)];
    let chart = LineChart::new("Steps to an error below 5 %", "rows of a batch", "steps");
    chart.log2_x().log_y().line("ours", points)
}

#[test]
fn what_never_reached_its_target_is_an_open_arrow_and_said_to_be_one() {
    let svg = steps().svg();
    assert_eq!(arrows(&svg, COLOURS[0]), 0);
    assert!(!svg.contains("open arrows"));
    let svg = steps().censored(vec![(2.0, 900.0), (4.0, 950.0)]).svg();
    assert_eq!(arrows(&svg, COLOURS[0]), 2, "{svg}");
    assert!(svg.contains("open arrows: at least so much"));
    // The axis reaches to the smallest batch, whose place nothing else has.
    assert!(svg.contains(">2<") && svg.contains(">32<"));
    // A series of nothing else is drawn too.
    let alone = LineChart::new("", "x", "y").points("a", vec![(1.0, 2.0), (3.0, 4.0)]);
    let svg = alone
        .points("b", Vec::new())
        .censored(vec![(2.0, 4.0)])
        .svg();
    assert_eq!(arrows(&svg, COLOURS[1]), 1);
    assert!(svg.contains(">b<") && !svg.contains("NaN"));
}

#[test]
fn arrows_of_the_same_place_stand_side_by_side() {
    let chart = LineChart::new("", "x", "y").points("a", vec![(1.0, 2.0), (3.0, 4.0)]);
    let add = |chart: LineChart, name| chart.points(name, Vec::new()).censored(vec![(2.0, 3.0)]);
    let svg = add(add(chart, "b"), "c").svg();
    let mut paths = elements(&svg, "path ");
    paths.retain(|path| path.contains(" Z\"") && path.contains("fill=\"none\""));
    let first = |path: &str| {
        path.split(['M', ','])
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    let places: Vec<f64> = paths.iter().map(|path| first(path)).collect();
    assert!(
        places.len() == 2 && places[1] - places[0] > 13.0,
        "{places:?}"
    );
}

#[test]
fn markers_at_the_ends_of_the_axes_are_whole() {
    let svg = steps().svg();
    let number = |element: &str, name: &str| -> f64 {
        let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let clip = svg.split_once("<clipPath").unwrap().1;
    let left = number(clip.split_once("<rect").unwrap().1, "x");
    let circles = elements(&svg, "circle ");
    let places = circles.iter().map(|circle| number(circle, "cx"));
    let first = places.fold(f64::MAX, f64::min);
    assert!(first - left > 5.0, "{first} {left}");
}

#[test]
fn the_legend_has_the_marker_of_each_line() {
    let circles = |svg: &str| elements(svg, "circle ").len();
    let alone = circles(&steps().svg());
    let other = vec![(8.0, 600.0), (16.0, 300.0), (32.0, 200.0)];
    let beside = steps().line("theirs", other).svg();
    // The first line's marker once more; the second's is no circle.
    assert_eq!((alone, circles(&beside)), (3, 4), "{beside}");
}

#[test]
fn a_page_may_show_a_chart_smaller() {
    assert!(steps().svg().starts_with("<svg viewBox=\"0 0 800 440\" "));
}

#[test]
fn arrows_stay_inside_the_picture() {
    for chart in [
        steps(),
        LineChart::new("", "x", "y").line("a", vec![(8.0, 1.0), (9.0, 2.0)]),
    ] {
        let svg = chart.censored(vec![(8.0, 950.0)]).svg();
        let path = elements(&svg, "path ")
            .into_iter()
            .find(|path| path.contains(" Z\""));
        let numbers = path
            .unwrap()
            .split(['M', 'L', ' ', '"'])
            .filter_map(|part| part.split_once(','));
        let heights: Vec<f64> = numbers.map(|(_, y)| y.parse().unwrap()).collect();
        assert_eq!(heights.len(), 7);
        assert!(
            heights.iter().all(|y| (20.0..440.0).contains(y)),
            "{heights:?}"
        );
    }
}

#[test]
fn the_target_and_the_setting_stand_below_the_title() {
    let svg = steps()
        .subtitle("lenet on MNIST; target: an error below 5 %")
        .svg();
    assert!(svg.contains("lenet on MNIST; target: an error below 5 %"));
    let bars = StackedBars::new("a step", "threads", "ms", &["forward"]).bar("1", &[2.0]);
    assert!(
        bars.subtitle("mlp, batch 128")
            .svg()
            .contains("mlp, batch 128")
    );
}

#[test]
fn an_axis_of_names_has_names_and_no_numbers() {
    let names = ["plain", "warm-up", "LARS"].map(str::to_owned);
    let points = vec![(1.0, 4.2), (2.0, 3.9), (3.0, 3.1)];
    let chart = LineChart::new("error", "recipe", "% of the rows").names(names.into());
    let chart = chart.points("error", points).band(vec![(1.0, 4.0, 4.4)]);
    let svg = chart.svg();
    for name in ["plain", "warm-up", "LARS"] {
        assert!(svg.contains(&format!(">{name}<")), "{name}");
    }
    assert!(
        !svg.contains(">1<") && !svg.contains(">1.0<") && !svg.contains(">2.0<"),
        "{svg}"
    );
    assert!(chart.csv().contains("error,plain,4.2,4,4.4,false,,\n"));
}

#[test]
fn points_under_others_have_rings_in_their_colour() {
    let at = |x: f64| vec![(x, 5.0)];
    let chart = |x: f64| {
        let chart = LineChart::new("", "rows", "updates").log_x().log_y();
        chart.points("a", at(100.0)).points("b", at(x)).svg()
    };
    assert_eq!(
        (
            rings(&chart(100.0), COLOURS[0]),
            rings(&chart(100.0), COLOURS[1])
        ),
        (1, 0)
    );
    assert_eq!(rings(&chart(200.0), COLOURS[0]), 0);
    // A line under another one is seen at both sides of it.
    let line = || vec![(0.0, 1.0), (1.0, 2.0), (2.0, 1.5)];
    let both = LineChart::new("", "x", "y")
        .line("a", line())
        .line("b", line())
        .svg();
    assert!(both.contains("stroke-width=\"5\"") && both.contains("stroke-width=\"2\""));
    assert_eq!(rings(&both, COLOURS[0]), 3);
}

#[test]
fn intervals_are_drawn_both_ways_and_stand_in_the_table() {
    let chart = LineChart::new("", "rows", "updates").points("a", vec![(100.0, 5.0), (50.0, 4.0)]);
    let lines = |chart: &LineChart| elements(&chart.svg(), "path ").len();
    let plain = lines(&chart);
    let chart = chart
        .band(vec![(100.0, 4.0, 6.0)])
        .across(vec![(5.0, 90.0, 130.0)]);
    assert_eq!(lines(&chart), plain + 2, "{}", chart.svg());
    assert!(
        chart
            .csv()
            .contains("\na,100,5,4,6,false,90,130\na,50,4,,,false,,\n")
    );
}

#[test]
fn the_table_of_bars_has_a_line_for_each_part() {
    let bars = StackedBars::new("a step", "threads", "ms", &["forward", "backward"]);
    let bars = bars.bar("1", &[2.0, 4.0]).bar("2", &[1.0, 2.5]);
    let lines = [
        "forward,1,2",
        "backward,1,4",
        "forward,2,1",
        "backward,2,2.5",
    ];
    let expected = lines.map(|line| format!("{line},,,false,,\n")).concat();
    assert_eq!(
        bars.csv(),
        format!("series,x,y,low,high,censored,x_low,x_high\n{expected}")
    );
}
